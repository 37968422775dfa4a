/** Small builders of objects for controller tests. Times are milliseconds since 1970. */
import type { Deployment, ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { controllerReference } from '../shared/owners.ts';
import { timestamp } from '../shared/time.ts';

let sequence = 0;

export interface PodOptions {
  readonly name?: string;
  readonly owner?: ReplicaSet;
  readonly labels?: Record<string, string>;
  readonly node?: string;
  readonly phase?: string;
  readonly readySinceMs?: number;
  readonly createdMs?: number;
  readonly restarts?: number;
  readonly deleting?: boolean;
  readonly annotations?: Record<string, string>;
}

export function podOf(options: PodOptions = {}): Pod {
  const name = options.name ?? `pod-${sequence++}`;
  const ready = options.readySinceMs !== undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      labels: options.labels ?? { app: 'web' },
      creationTimestamp: timestamp(options.createdMs ?? 0),
      ...(options.annotations && { annotations: options.annotations }),
      ...(options.deleting && { deletionTimestamp: timestamp(0), deletionGracePeriodSeconds: 30 }),
      ...(options.owner && { ownerReferences: [controllerReference(options.owner, 'apps/v1', 'ReplicaSet')] }),
    },
    spec: { containers: [], ...(options.node && { nodeName: options.node }) },
    status: {
      phase: options.phase ?? (options.node ? 'Running' : 'Pending'),
      conditions: [
        {
          type: 'Ready',
          status: ready ? 'True' : 'False',
          ...(ready && { lastTransitionTime: timestamp(options.readySinceMs!) }),
        },
      ],
      containerStatuses: [{ name: 'c', image: '', imageID: '', ready, restartCount: options.restarts ?? 0 }],
    },
  };
}

export function replicaSetOf(name: string, replicas: number, spec: Partial<ReplicaSet['spec']> = {}): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, generation: 1, labels: { app: 'web' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      ...spec,
    },
    status: { replicas: 0 },
  };
}

export function deploymentOf(name: string, replicas: number, spec: Partial<Deployment['spec']> = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, generation: 1, labels: { app: 'web' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'v1' }] } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      ...spec,
    },
  };
}

export function nodeOf(name: string, ready: 'True' | 'False' | 'Unknown' = 'True'): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `uid-${name}` },
    spec: {},
    status: {
      conditions: [{ type: 'Ready', status: ready, reason: 'KubeletReady', lastTransitionTime: timestamp(0) }],
    },
  };
}
