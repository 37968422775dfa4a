/** The etcd v3 interface of one master, on a listener of its own: etcd's services, and `trimast.kv.v1` beside them. */

import { LeanServer, type Method, type PeerIdentity } from '../../lib/lean-grpc/index.ts';
import type { Logger } from '../../lib/logger.ts';
import type { RaftNode } from '../../raft/types.ts';
import type { Store } from '../../store/types.ts';
import { kvStreamMethods } from '../kv/kv-stream-service.ts';
import { clusterMethods, type MemberDirectory } from './cluster-service.ts';
import { electionMethods } from './election-service.ts';
import { HeaderSource } from './header.ts';
import { healthMethods } from './health-service.ts';
import { kvMethods } from './kv-service.ts';
import { leaseMethods } from './lease-service.ts';
import { lockMethods } from './lock-service.ts';
import { maintenanceMethods } from './maintenance-service.ts';
import { ReadGate } from './read-gate.ts';
import { bboltSnapshot } from './snapshot/etcd-database.ts';
import { watchMethods } from './watch-service.ts';

export type { MemberDirectory } from './cluster-service.ts';

/** Organizations whose certificates may use this interface: it is the whole store, Kubernetes' Secrets included. */
export const etcdClientOrganizations: readonly string[] = ['trimast:etcd-clients', 'system:masters', 'trimast:masters'];

export interface EtcdApiOptions {
  readonly clusterId: string;
  readonly memberId: number;
  readonly store: Store;
  readonly raft: Pick<
    RaftNode<unknown>,
    'status' | 'leadership' | 'onLeadership' | 'members' | 'changeMembership' | 'transferLeadership'
  >;
  readonly directory: MemberDirectory;
  /** Absent: plain text, for tests. */
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string } | undefined;
  readonly logger: Logger;
}

export function createEtcdServer(options: EtcdApiOptions): LeanServer {
  const { store, raft, logger, tls } = options;
  return new LeanServer({
    methods: etcdMethods(options),
    tls,
    ...(tls && { refuse: refusePeer }),
    onFailure: (path, error) =>
      logger.error(
        { err: error, path, leaderId: raft.leadership().leaderId, revision: store.revision },
        'a call failed',
      ),
  });
}

export function etcdMethods({ clusterId, memberId, store, raft, directory }: EtcdApiOptions): Map<string, Method> {
  const header = new HeaderSource(clusterId, memberId, store, raft);
  const gate = new ReadGate(store);
  const database = () =>
    bboltSnapshot(store, raft.members(), directory, store.stateHash().appliedIndex, raft.leadership().term);
  return new Map([
    ...kvMethods(store, header, gate),
    ...watchMethods(store, header, raft),
    ...leaseMethods(store, header, raft),
    ...clusterMethods(store, header, raft, directory),
    ...maintenanceMethods(store, header, raft, database),
    ...lockMethods(store, header),
    ...electionMethods(store, header),
    ...healthMethods(() => raft.leadership().leaderId !== undefined),
    ...kvStreamMethods(store, gate),
  ]);
}

function refusePeer({ commonName, organizations }: PeerIdentity): string | undefined {
  if (organizations.some((organization) => etcdClientOrganizations.includes(organization))) return undefined;
  return `etcdserver: permission denied: the certificate of "${commonName}" is of none of the organizations ${etcdClientOrganizations.join(', ')}`;
}
