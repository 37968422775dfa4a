/**
 * `trimast recover`: brings a cluster back whose masters have lost their majority for good. The most advanced disk that is left becomes the
 * state of all masters, in a new epoch and with revisions far ahead. Nothing is deleted; old data is moved aside.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { raftClusterId } from '../../server/cluster/cluster-identity.ts';
import { inspectFolder, seedFolders, stateOfFolder } from '../../server/offline/state-folder.ts';
import { CliError } from '../cli-error.ts';
import { saveCluster } from '../cluster/cluster-file.ts';
import { withLock } from '../cluster/lock.ts';
import { type DirOption, openCluster, requireRights } from '../cluster/open-cluster.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { setAside } from '../cluster/set-aside.ts';
import { type Cluster, endpoint, type Member, membersOfKind } from '../cluster/topology.ts';
import { leaderOf, MasterStatusClient } from '../members/master-status.ts';
import { runningProcess } from '../members/pid-file.ts';
import { stopMember } from '../members/stop-member.ts';
import { Progress } from '../progress.ts';
import { type Candidate, planRecovery, renderCandidates } from '../recovery/plan.ts';
import { up } from './up.ts';

export interface RecoverOptions extends DirOption {
  readonly yes?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

export async function recover(options: RecoverOptions): Promise<void> {
  const progress = new Progress();
  const { cluster, paths } = openCluster(options);
  requireRights(cluster);
  const done = await withLock(paths.lockFile, async () => {
    const masters = membersOfKind(cluster, 'master');
    await refuseLivingQuorum(cluster, paths);
    const running = masters.filter(({ name }) => runningProcess(paths.runDir, name));
    if (running.length > 0) {
      const names = running.map(({ name }) => name).join(', ');
      progress.line(`${names} cannot work without a majority; stopping, so that the disk can be read.`);
      await Promise.all(running.map((master) => stopMember(master, paths, 'SIGTERM')));
    }
    const candidates = await Promise.all(masters.map((master) => inspect(master, paths, running)));
    progress.line(renderCandidates(candidates));
    const plan = planRecovery(candidates, raftClusterId({ clusterId: cluster.id, epoch: cluster.epoch }));
    if (plan.type === 'refuse') throw new CliError(plan.reason);
    const { from, losses } = plan;
    progress.line(
      `${from.name} is the most advanced. All masters will begin with its state, in epoch ${(cluster.epoch ?? 1) + 1}.`,
    );
    for (const loss of losses) progress.line(`  - ${loss}`);
    const stopped = running.map(({ name }) => ` Start it again with "trimast start ${name}".`).join('');
    if (options.dryRun) {
      progress.line(`No data was changed (--dry-run).${stopped}`);
      return false;
    }
    if (!options.yes && !(await confirm())) {
      progress.line(`No data was changed.${stopped}`);
      return false;
    }
    await replaceFolders(cluster, paths, from, progress);
    return true;
  });
  if (!done) return;
  await up({ dir: paths.dir });
}

/** Three signs of life: a leader, a majority that runs, or (later, in the plan) a majority of disks. */
async function refuseLivingQuorum(cluster: Cluster, paths: ClusterPaths): Promise<void> {
  const masters = membersOfKind(cluster, 'master');
  const quorum = Math.floor(masters.length / 2) + 1;
  const client = new MasterStatusClient(cluster, paths);
  try {
    const answers = await client.askAll();
    const leader = leaderOf(answers.values());
    // A leader whose followers have just died does not know yet.
    if (leader && (await client.servesReads(leader.name)))
      throw new CliError(`${leader.name} leads: a quorum lives and nothing needs recovery`);
    const running = masters.filter(({ name }) => runningProcess(paths.runDir, name));
    if (running.length >= quorum) {
      throw new CliError(
        `${running.length} of ${masters.length} masters run, which is a quorum: they may elect a leader at any time. ` +
          'See "trimast status" and "trimast logs MASTER"; stop those whose data is lost with "trimast stop MASTER" if they never do',
      );
    }
  } finally {
    client.close();
  }
}

async function inspect(master: Member, paths: ClusterPaths, running: readonly Member[]): Promise<Candidate> {
  const report = await inspectFolder(paths.memberData(master.name));
  return { ...report, name: master.name, running: running.includes(master) };
}

async function confirm(): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new CliError('this needs a yes: answer at a terminal, or give --yes', { exitCode: 2 });
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await reader.question('Recover? (yes/no) ')).trim());
  } finally {
    reader.close();
  }
}

/** New folders are complete before the first old one is moved. */
async function replaceFolders(
  cluster: Cluster,
  paths: ClusterPaths,
  from: Candidate,
  progress: Progress,
): Promise<void> {
  const masters = membersOfKind(cluster, 'master');
  const epoch = (cluster.epoch ?? 1) + 1;
  const state = await stateOfFolder(from.dataDir);
  progress.done(`read ${from.name}: revision ${state.revision}`);
  const fresh = (name: string) => `${paths.memberData(name)}.recovering`;
  for (const { name } of masters) rmSync(fresh(name), { recursive: true, force: true });
  const revision = await seedFolders(state, {
    identity: { clusterId: cluster.id, epoch },
    members: masters.map((master) => ({ id: master.memberId!, name: master.name, address: endpoint(master, 'raft') })),
    folders: masters.map((master) => ({ memberId: master.memberId!, dataDir: fresh(master.name) })),
  });
  for (const { name } of masters) {
    const folder = paths.memberData(name);
    if (existsSync(folder)) progress.done(`moved the old data to ${setAside(folder, `epoch-${epoch - 1}`)}`);
    renameSync(fresh(name), folder);
  }
  saveCluster(paths, { ...cluster, epoch, formed: true });
  progress.done(`${masters.length} masters begin at revision ${revision}, epoch ${epoch}`);
}
