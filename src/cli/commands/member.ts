/** `trimast member list|add|remove|replace|promote`: who is a master. */
import { Member_Role } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import { CliError } from '../cli-error.ts';
import { findMember } from '../cluster/cluster-file.ts';
import { withLock } from '../cluster/lock.ts';
import { type DirOption, openCluster, requireRights } from '../cluster/open-cluster.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, limits, type Member, membersOfKind } from '../cluster/topology.ts';
import { addMaster, changeMembership, listMembers, removeMaster } from '../members/change-masters.ts';
import { Progress } from '../progress.ts';
import { renderTable } from '../render-table.ts';

export async function memberList(options: DirOption & { output?: string | undefined }): Promise<void> {
  const { cluster, paths } = openCluster(options);
  const { members, leaderId, lastIndex, epoch, term } = await listMembers(cluster, paths);
  const rows = members.map(({ record, role, matchIndex, active, isolated }) => ({
    name: record!.name,
    id: String(record!.id),
    role: record!.id === leaderId ? 'leader' : role === Member_Role.LEARNER ? 'learner' : 'voter',
    active,
    behind: Number(lastIndex - matchIndex),
    raft: record!.raftAddress,
    api: record!.apiAddress,
    ...(isolated !== '' && { problem: isolated }),
  }));
  if (options.output === 'json') {
    process.stdout.write(`${JSON.stringify({ epoch, term: Number(term), members: rows }, undefined, 2)}\n`);
    return;
  }
  const cells = rows.map((row) => [
    row.name,
    row.id,
    row.role,
    row.active ? 'yes' : 'no',
    row.active ? String(row.behind) : '-',
    row.raft,
    row.api,
    row.problem ?? '',
  ]);
  process.stdout.write(renderTable([['NAME', 'ID', 'ROLE', 'ANSWERS', 'BEHIND', 'RAFT', 'API', ''], ...cells]));
}

export async function memberAdd(name: string | undefined, options: DirOption): Promise<void> {
  await change(options, async (cluster, paths, progress) => {
    const count = membersOfKind(cluster, 'master').length;
    if (count >= limits.masters)
      throw new CliError(`the cluster has ${count} masters, which is the limit`, { exitCode: 2 });
    await addMaster(cluster, paths, progress, { name });
  });
}

export async function memberRemove(name: string, options: DirOption): Promise<void> {
  await change(options, async (cluster, paths, progress) => {
    await removeMaster(cluster, paths, progress, requireMaster(cluster, name));
  });
}

export async function memberReplace(name: string, options: DirOption & { by?: string | undefined }): Promise<void> {
  await change(options, async (cluster, paths, progress) => {
    const old = requireMaster(cluster, name);
    const grown = await addMaster(cluster, paths, progress, { name: options.by, replaces: old });
    progress.done(`${old.name} was replaced in the same step`);
    await removeMaster(grown, paths, progress, old, { alreadyLeft: true });
  });
}

export async function memberPromote(name: string, options: DirOption): Promise<void> {
  await change(options, async (cluster, paths, progress) => {
    const master = requireMaster(cluster, name);
    await changeMembership(cluster, paths, { case: 'promote', value: BigInt(master.memberId!) });
    progress.done(`${master.name} votes`);
  });
}

/** Of `up --masters N` on a cluster that runs. */
export async function resizeMasters(
  cluster: Cluster,
  paths: ClusterPaths,
  wanted: number,
  progress: Progress,
): Promise<Cluster> {
  let current = cluster;
  while (membersOfKind(current, 'master').length < wanted) current = await addMaster(current, paths, progress);
  while (membersOfKind(current, 'master').length > wanted) {
    const { members, leaderId } = await listMembers(current, paths);
    const voters = membersOfKind(current, 'master');
    // The leader last, the youngest first.
    const candidates = voters.filter(({ memberId }) => members.length === 1 || BigInt(memberId!) !== leaderId);
    current = await removeMaster(current, paths, progress, candidates.at(-1)!);
  }
  return current;
}

async function change(
  options: DirOption,
  action: (cluster: Cluster, paths: ClusterPaths, progress: Progress) => Promise<void>,
): Promise<void> {
  const { paths } = openCluster(options);
  const progress = new Progress();
  await withLock(paths.lockFile, async () => {
    // Read again: another command may have changed it while this one waited.
    const { cluster } = openCluster(options);
    requireRights(cluster);
    await action(cluster, paths, progress);
  });
}

function requireMaster(cluster: Cluster, name: string): Member {
  const member = findMember(cluster, name);
  if (member.kind === 'master') return member;
  throw new CliError(`${name} is no master`, { exitCode: 2 });
}
