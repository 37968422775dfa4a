import { CliError } from '../cli-error.ts';
import { findMember } from '../cluster/cluster-file.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, type Member, membersOfKind } from '../cluster/topology.ts';
import { leaderOf, MasterStatusClient } from './master-status.ts';

/** A member's name, `leader` (whoever leads now) or `all-masters`. @throws CliError when it names nobody. */
export async function resolveMembers(cluster: Cluster, paths: ClusterPaths, name: string): Promise<Member[]> {
  if (name === 'all-masters') return membersOfKind(cluster, 'master');
  if (name !== 'leader') return [findMember(cluster, name)];
  const client = new MasterStatusClient(cluster, paths);
  try {
    const leader = leaderOf((await client.askAll()).values());
    if (!leader) throw new CliError('no master leads now: see "trimast status"');
    return [findMember(cluster, leader.name)];
  } finally {
    client.close();
  }
}
