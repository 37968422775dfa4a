/**
 * `trimast restart MEMBER`: stops and starts. Masters go one after the other, the leader last, and each only when the one before serves again and has
 * caught up: clients of the cluster see none of it but a leader that changes.
 */
import { CliError } from '../cli-error.ts';
import { withLock } from '../cluster/lock.ts';
import { type DirOption, openCluster, requireRights } from '../cluster/open-cluster.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, type Member, membersOfKind } from '../cluster/topology.ts';
import { ensureMember } from '../members/ensure-member.ts';
import { leaderOf, MasterStatusClient } from '../members/master-status.ts';
import { memberFailure } from '../members/member-failure.ts';
import { resolveMembers } from '../members/resolve-members.ts';
import { stopMember } from '../members/stop-member.ts';

const caughtUpTimeoutMs = 60_000;
const answerTimeoutMs = 5_000;
const pollMs = 30;

export async function restart(name: string, options: DirOption): Promise<void> {
  const { cluster, paths } = openCluster(options);
  requireRights(cluster);
  await withLock(paths.lockFile, async () => {
    const members = await resolveMembers(cluster, paths, name);
    const statuses = new MasterStatusClient(cluster, paths);
    try {
      if (members.some((member) => member.kind === 'master')) await refuseWithoutQuorum(cluster, members, statuses);
      for (const member of await leaderLast(members, statuses)) await restartOne(cluster, member, paths, statuses);
    } finally {
      statuses.close();
    }
  });
}

/** A master that is down already may be restarted; stopping one more would then stop the cluster. */
async function refuseWithoutQuorum(
  cluster: Cluster,
  members: readonly Member[],
  statuses: MasterStatusClient,
): Promise<void> {
  const masters = membersOfKind(cluster, 'master');
  if (masters.length < 3) return;
  const quorum = Math.floor(masters.length / 2) + 1;
  const deadlineMs = performance.now() + answerTimeoutMs;
  let answering: string[];
  let running: Member[];
  // A busy master may be slow to answer.
  do {
    answering = [...(await statuses.askAll()).keys()];
    running = members.filter((member) => answering.includes(member.name));
    if (answering.length - 1 >= quorum || (running.length === 0 && answering.length > 0)) return;
  } while (performance.now() < deadlineMs);
  if (running.length === 0) return;
  const silent = masters.filter((master) => !answering.includes(master.name)).map((master) => master.name);
  throw new CliError(
    `restart ${running[0]!.name}: ${silent.join(', ')} does not answer, so the rest would have no majority; run "trimast up" first`,
  );
}

async function leaderLast(members: readonly Member[], statuses: MasterStatusClient): Promise<Member[]> {
  const leader = leaderOf((await statuses.askAll()).values())?.name;
  return [...members].sort((a, b) => Number(a.name === leader) - Number(b.name === leader));
}

async function restartOne(
  cluster: Cluster,
  member: Member,
  paths: ClusterPaths,
  statuses: MasterStatusClient,
): Promise<void> {
  const startedMs = performance.now();
  const before = member.kind === 'master' ? await statuses.askAll() : undefined;
  await stopMember(member, paths, 'SIGTERM');
  await ensureMember(cluster, member, paths);
  if (before) {
    const revision = Math.max(0, ...[...before.values()].map((status) => status.revision));
    await untilCaughtUp(member, revision, paths, statuses);
  }
  process.stdout.write(`${member.name} restarted in ${((performance.now() - startedMs) / 1000).toFixed(2)} s\n`);
}

async function untilCaughtUp(
  member: Member,
  revision: number,
  paths: ClusterPaths,
  statuses: MasterStatusClient,
): Promise<void> {
  const deadlineMs = performance.now() + caughtUpTimeoutMs;
  while (performance.now() < deadlineMs) {
    const status = await statuses.ask(member.name);
    const serves = status && (status.role === 'leader' || (status.role === 'follower' && status.leaderId));
    if (serves && status.revision >= revision) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  const cause = `it has not caught up ${caughtUpTimeoutMs} ms after its restart; the other masters were left alone`;
  throw memberFailure(paths, member.name, cause);
}
