/** Masters of a running cluster come and go: consensus first, then processes and files, so that a refusal changes nothing. */
import { existsSync } from 'node:fs';
import { type Member as ClusterMember, ClusterService, Member_Role } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import { writeRebuild } from '../../server/repair/data-folder.ts';
import { CliError } from '../cli-error.ts';
import { saveCluster } from '../cluster/cluster-file.ts';
import { withNewMaster, withoutMaster } from '../cluster/grow.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { setAside } from '../cluster/set-aside.ts';
import { type Cluster, endpoint, type Member } from '../cluster/topology.ts';
import { ensureNetwork, removeHost } from '../host/network.ts';
import type { Progress } from '../progress.ts';
import { withClusterClient } from './cluster-client.ts';
import { ensureCertificates } from './ensure-certificates.ts';
import { ensureMember, writeConfig } from './ensure-member.ts';
import { endMember } from './stop-member.ts';

const callTimeoutMs = 30_000;
const promotionTimeoutMs = 120_000;
const pollMs = 200;
const graceMs = 8_000;

type Change =
  | { case: 'addLearner'; value: object }
  | { case: 'promote' | 'remove'; value: bigint }
  | { case: 'replace'; value: object };

export async function listMembers(cluster: Cluster, paths: ClusterPaths) {
  return withClusterClient(cluster, paths, 'leader', (client) =>
    client.unary(ClusterService.method.getCluster, {}, { deadline: Date.now() + callTimeoutMs }),
  );
}

/** @throws CliError with the reason of a refusal */
export async function changeMembership(cluster: Cluster, paths: ClusterPaths, change: Change): Promise<void> {
  await withClusterClient(cluster, paths, 'leader', async (client) => {
    const request = { change } as object;
    await client.unary(ClusterService.method.changeMembership, request, { deadline: Date.now() + callTimeoutMs });
  });
}

/** Resolves when the new master votes. */
export async function addMaster(
  before: Cluster,
  paths: ClusterPaths,
  progress: Progress,
  options: { name?: string | undefined; replaces?: Member | undefined } = {},
): Promise<Cluster> {
  const { cluster, master } = plan(before, options.name);
  const record = recordOf(master);
  const change: Change = options.replaces
    ? { case: 'replace', value: { id: BigInt(options.replaces.memberId!), by: record } }
    : { case: 'addLearner', value: record };
  // Its files are there before it is a member: a learner that never comes would have to be removed again.
  await Promise.all([ensureCertificates(cluster, paths), ensureNetwork(cluster)]);
  saveCluster(paths, cluster);
  try {
    // A replacement takes effect only when the new master has caught up: that is waited for below.
    const asked = changeMembership(before, paths, change).catch((error: Error) => {
      if (!options.replaces || !/not complete within|DEADLINE/.test(error.message)) throw error;
    });
    if (options.replaces) {
      await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 1_000))]);
      asked.catch(() => undefined);
    } else await asked;
  } catch (error) {
    saveCluster(paths, before);
    await removeHost(master);
    throw error;
  }
  progress.done(`${master.name} (member ${master.memberId}) is taken in as a learner`);
  // It is a member already and must not ask to be taken in again: that would forget whose place it takes.
  writeRebuild(paths.memberData(master.name), { phase: 'fill', reason: 'it is new', since: new Date().toISOString() });
  await ensureMember(cluster, master, paths);
  progress.done(`${master.name} started`);
  await waitForVoter(before, paths, master, options.replaces);
  progress.done(`${master.name} has caught up and votes`);
  rewriteConfigs(cluster, paths);
  return cluster;
}

/** It is no member any more when this resolves; its data is moved aside. */
export async function removeMaster(
  cluster: Cluster,
  paths: ClusterPaths,
  progress: Progress,
  master: Member,
  options: { alreadyLeft?: boolean } = {},
): Promise<Cluster> {
  // A removal that was interrupted may have got this far.
  const { members } = await listMembers(cluster, paths);
  if (!options.alreadyLeft && members.some(({ record }) => record?.id === BigInt(master.memberId!))) {
    await changeMembership(cluster, paths, { case: 'remove', value: BigInt(master.memberId!) });
    progress.done(`${master.name} is no member any more`);
  }
  await endMember(master, paths, graceMs);
  const after = withoutMaster(cluster, master.name);
  saveCluster(paths, after);
  await removeHost(master);
  const folder = paths.memberData(master.name);
  if (existsSync(folder)) progress.done(`${master.name} ended, its data moved to ${setAside(folder, 'removed')}`);
  rewriteConfigs(after, paths);
  return after;
}

function plan(cluster: Cluster, name: string | undefined) {
  try {
    return withNewMaster(cluster, name);
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(error.message, { cause: error, exitCode: 2 });
    throw error;
  }
}

function recordOf(master: Member) {
  return {
    id: BigInt(master.memberId!),
    name: master.name,
    apiAddress: endpoint(master, 'api'),
    grpcAddress: endpoint(master, 'grpc'),
    raftAddress: endpoint(master, 'raft'),
    etcdAddress: master.ports.etcd === undefined ? '' : endpoint(master, 'etcd'),
  };
}

async function waitForVoter(
  cluster: Cluster,
  paths: ClusterPaths,
  master: Member,
  replaces: Member | undefined,
): Promise<void> {
  const deadlineMs = performance.now() + promotionTimeoutMs;
  let found: ClusterMember | undefined;
  while (performance.now() < deadlineMs) {
    const { members } = await listMembers(cluster, paths);
    found = members.find(({ record }) => record?.id === BigInt(master.memberId!));
    const old = replaces && members.find(({ record }) => record?.id === BigInt(replaces.memberId!));
    if (found?.role === Member_Role.VOTER && !old) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new CliError(
    `${master.name} ${found ? 'is still a learner' : 'is not a member'} after ${promotionTimeoutMs / 1000} s; it goes on by itself: ` +
      `see "trimast member list" and "trimast logs ${master.name}"`,
  );
}

/** Everybody's files say who is a master now; programs that run take it from there at their next start, or at once where they watch. */
function rewriteConfigs(cluster: Cluster, paths: ClusterPaths): void {
  for (const member of cluster.members) if (member.kind !== 'containerd') writeConfig(cluster, member, paths);
}
