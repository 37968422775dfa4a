/** `trimast.cluster.v1` of whichever master answers, as the cluster's administrator. */
import type { ServiceError } from '@grpc/grpc-js';
import { ClusterService } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import { clientCredentials, GrpcClient } from '../../lib/grpc.ts';
import { PkiDirectory } from '../../pki/pki-directory.ts';
import { CliError } from '../cli-error.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, endpoint, type Member, membersOfKind } from '../cluster/topology.ts';
import { leaderOf, type MasterStatus, MasterStatusClient } from './master-status.ts';

const searchMs = 8_000;

export type ClusterClient = GrpcClient<typeof ClusterService>;
export type Preference = 'leader' | 'follower';

/** Runs `action` against one master that is up. @throws CliError with the reason that the master gave */
export async function withClusterClient<T>(
  cluster: Cluster,
  paths: ClusterPaths,
  preference: Preference,
  action: (client: ClusterClient, master: Member) => Promise<T>,
): Promise<T> {
  const master = await chooseMaster(cluster, paths, preference);
  const credentials = clientCredentials(new PkiDirectory(paths.pkiDir).files('admin'));
  const client = new GrpcClient(ClusterService, endpoint(master, 'grpc'), credentials, {
    'grpc.max_receive_message_length': 8 << 20,
  });
  try {
    return await action(client, master);
  } catch (error) {
    const details = (error as Partial<ServiceError>).details;
    if (typeof details === 'string') throw new CliError(`${master.name}: ${details}`, { cause: undefined });
    throw error;
  } finally {
    client.close();
  }
}

async function chooseMaster(cluster: Cluster, paths: ClusterPaths, preference: Preference): Promise<Member> {
  const statuses = new MasterStatusClient(cluster, paths);
  try {
    // On a busy machine an answer may take longer than one question waits for it.
    const deadlineMs = performance.now() + searchMs;
    let answers = await statuses.askAll();
    while (answers.size === 0 && performance.now() < deadlineMs) answers = await statuses.askAll();
    const leader = leaderOf(answers.values());
    const leading = (status: MasterStatus) => status.name === leader?.name;
    // A follower that is up to date spares the leader the work.
    const candidates = [...answers.values()].filter((status) => status.role !== 'learner');
    candidates.sort((a, b) => b.appliedIndex - a.appliedIndex);
    const chosen =
      preference === 'leader'
        ? (candidates.find(leading) ?? candidates[0])
        : (candidates.find((status) => !leading(status)) ?? candidates[0]);
    if (!chosen) throw new CliError('no master answers: see "trimast status", and start them with "trimast up"');
    return membersOfKind(cluster, 'master').find(({ name }) => name === chosen.name)!;
  } finally {
    statuses.close();
  }
}
