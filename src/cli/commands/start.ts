/** `trimast start MEMBER`: starts what is not running, and waits until a master answers. */
import { CliError } from '../cli-error.ts';
import { withLock } from '../cluster/lock.ts';
import { type DirOption, openCluster, requireRights } from '../cluster/open-cluster.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import type { Cluster } from '../cluster/topology.ts';
import { ensureNetwork } from '../host/network.ts';
import { isAlive } from '../host/processes.ts';
import { ensureCertificates } from '../members/ensure-certificates.ts';
import { type EnsuredMember, ensureMember } from '../members/ensure-member.ts';
import { MasterStatusClient } from '../members/master-status.ts';
import { memberFailure } from '../members/member-failure.ts';
import { resolveMembers } from '../members/resolve-members.ts';
import { waitForSocket } from '../members/wait-until-ready.ts';

const answerTimeoutMs = 30_000;
const pollMs = 30;
/** A program with a wrong configuration ends well within this time. */
const settleMs = 500;

export async function start(name: string, options: DirOption): Promise<void> {
  const { cluster, paths } = openCluster(options);
  requireRights(cluster);
  if (name === 'leader') throw new CliError('start leader: who leads runs already', { exitCode: 2 });
  const members = await resolveMembers(cluster, paths, name);
  await withLock(paths.lockFile, async () => {
    await Promise.all([ensureCertificates(cluster, paths), ensureNetwork(cluster)]);
    const ensured = await Promise.all(members.map((member) => ensureMember(cluster, member, paths)));
    await Promise.all(ensured.map((one) => waitUntilUp(cluster, paths, one)));
    for (const { member, identity, started } of ensured) {
      process.stdout.write(`${member.name} ${started ? 'started' : 'runs already'} (process ${identity.pid})\n`);
    }
  });
}

async function waitUntilUp(cluster: Cluster, paths: ClusterPaths, one: EnsuredMember): Promise<void> {
  if (!one.started) return;
  const { member, identity } = one;
  if (member.kind === 'containerd') return waitForSocket(one, paths.containerdSocket(member.worker!), paths);
  const client = new MasterStatusClient(cluster, paths);
  const deadlineMs = performance.now() + (member.kind === 'master' ? answerTimeoutMs : settleMs);
  try {
    while (performance.now() < deadlineMs) {
      if (!isAlive(identity)) throw memberFailure(paths, member.name, 'its process has ended');
      if (member.kind === 'master' && (await client.ask(member.name))) return;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    client.close();
  }
  if (member.kind === 'master') {
    throw memberFailure(paths, member.name, `it runs but has not answered within ${answerTimeoutMs} ms`);
  }
}
