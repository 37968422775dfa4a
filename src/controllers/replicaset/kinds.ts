/** The two kinds that ask for a number of pods alike: a ReplicationController is a ReplicaSet with a plain map as its selector. */
import type { ReplicaSet, ReplicaSetStatus } from '../../api/generated/types/apps-v1.ts';
import type { ReplicationController } from '../../api/generated/types/core-v1.ts';
import { type GroupVersionResource, resources } from '../../api/types.ts';

export interface ReplicaKind {
  readonly resource: GroupVersionResource;
  readonly apiVersion: string;
  readonly kind: string;
  /** Whom its events are from. */
  readonly component: string;
  asReplicaSet(stored: ReplicaSet): ReplicaSet;
  /** What of a planned status this kind has. */
  status(planned: ReplicaSetStatus): ReplicaSetStatus;
}

export const replicaSetKind: ReplicaKind = {
  resource: resources.replicaSets,
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  component: 'replicaset-controller',
  asReplicaSet: (stored) => stored,
  status: (planned) => planned,
};

export const replicationControllerKind: ReplicaKind = {
  resource: resources.replicationControllers,
  apiVersion: 'v1',
  kind: 'ReplicationController',
  component: 'replication-controller',
  asReplicaSet: (stored) => {
    const { selector } = (stored as ReplicationController).spec ?? {};
    return { ...stored, spec: { ...stored.spec!, selector: { matchLabels: selector } } };
  },
  status: ({ terminatingReplicas: _, ...rest }) => rest,
};
