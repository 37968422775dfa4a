import { expect, test } from 'vitest';
import type { Node, Pod, PodSpec } from '../api/generated/types/core-v1.ts';
import { Cache } from './cache.ts';
import { place } from './plan.ts';
import { toNodeFacts, toPodInfo } from './pod-info.ts';

type NodeParts = Pick<NonNullable<Node['spec']>, 'taints' | 'unschedulable'> & {
  labels?: Record<string, string>;
  allocatable?: Record<string, string>;
};

function cluster(
  nodes: Record<string, NodeParts>,
  pods: [node: string, spec: Partial<PodSpec>, owner?: string][] = [],
): Cache {
  const cache = new Cache();
  for (const [name, { labels, allocatable, ...spec }] of Object.entries(nodes)) {
    cache.setNode(
      toNodeFacts({
        metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
        spec,
        status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110', ...allocatable } },
      }),
    );
  }
  for (const [index, [nodeName, spec, owner]] of pods.entries()) {
    cache.setPod(toPodInfo(pod({ ...spec, nodeName }, `existing-${index}`, owner)));
  }
  return cache;
}

function pod(spec: Partial<PodSpec>, name = 'new', owner?: string): Pod {
  return {
    metadata: {
      namespace: 'default',
      name,
      labels: { app: 'x' },
      ...(owner && {
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }],
      }),
    },
    spec: { containers: [{ name: 'c' }], ...spec },
  };
}

const asking = (cpu: string, memory = '0'): Partial<PodSpec> => ({
  containers: [{ name: 'c', resources: { requests: { cpu, memory } } }],
});
const decide = (cache: Cache, wanted: Pod) => place(toPodInfo(wanted), cache.nodes(), 0);

test('resources: a node that is full is refused, one with room is taken', () => {
  const cache = cluster({ a: {}, b: {} }, [['a', asking('1500m')]]);
  expect(decide(cache, pod(asking('600m')))).toEqual({ nodeName: 'b' });
  expect(decide(cache, pod(asking('2500m', '1Gi')))).toEqual({
    nodeName: undefined,
    message: '0/2 nodes are available: 2 Insufficient cpu.',
  });
});

test('resources: the number of pods is limited', () => {
  const cache = cluster({ a: { allocatable: { pods: '1' } } }, [['a', {}]]);
  expect(decide(cache, pod({}))).toMatchObject({ message: '0/1 nodes are available: 1 Too many pods.' });
});

test('resources: an init container counts with the sidecars before it, not with the containers', () => {
  const cache = cluster({ a: {} });
  const init = (cpu: string, restartPolicy?: string) => ({
    name: 'i',
    restartPolicy,
    resources: { requests: { cpu } },
  });
  const main = { name: 'c', resources: { requests: { cpu: '1' } } };
  expect(decide(cache, pod({ initContainers: [init('2')], containers: [main] }))).toEqual({ nodeName: 'a' });
  expect(
    decide(cache, pod({ initContainers: [init('1', 'Always'), init('1500m')], containers: [main] })),
  ).toMatchObject({
    nodeName: undefined,
  });
});

test('taints: only a pod that tolerates goes there', () => {
  const cache = cluster({ a: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } });
  expect(decide(cache, pod({}))).toMatchObject({
    message: '0/1 nodes are available: 1 node(s) had untolerated taint(s).',
  });
  expect(decide(cache, pod({ tolerations: [{ key: 'k', operator: 'Exists' }] }))).toEqual({ nodeName: 'a' });
  expect(decide(cache, pod({ tolerations: [{ key: 'k', value: 'v', effect: 'NoExecute' }] }))).toMatchObject({
    nodeName: undefined,
  });
});

test('cordon: an unschedulable node is left out', () => {
  const cache = cluster({ a: { unschedulable: true }, b: {} }, [['b', asking('1')]]);
  expect(decide(cache, pod({}))).toEqual({ nodeName: 'b' });
});

test('nodeSelector and required affinity must both hold', () => {
  const cache = cluster({ a: { labels: { disk: 'ssd', zone: '1' } }, b: { labels: { disk: 'ssd', zone: '2' } } });
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'Gt', values: ['1'] }] }],
      },
    },
  };
  expect(decide(cache, pod({ nodeSelector: { disk: 'ssd' }, affinity }))).toEqual({ nodeName: 'b' });
  expect(decide(cache, pod({ nodeSelector: { disk: 'hdd' }, affinity }))).toMatchObject({
    message: "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
  });
});

test('host ports: a taken port refuses, unless protocol or address differ', () => {
  const port = (hostPort: number, extra = {}): Partial<PodSpec> => ({
    containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, ...extra }] }],
  });
  const cache = cluster({ a: {} }, [['a', port(8080)]]);
  expect(decide(cache, pod(port(8080)))).toMatchObject({ nodeName: undefined });
  expect(decide(cache, pod(port(8080, { hostIP: '10.0.0.1' })))).toMatchObject({ nodeName: undefined });
  expect(decide(cache, pod(port(8080, { protocol: 'UDP' })))).toEqual({ nodeName: 'a' });
});

test('spreading: pods of one owner go to the node with the fewest of them', () => {
  const cache = cluster({ a: {}, b: {} }, [
    ['a', asking('10m'), 'rs'],
    ['b', asking('200m'), 'other'],
  ]);
  expect(decide(cache, pod(asking('10m'), 'new', 'rs'))).toEqual({ nodeName: 'b' });
});

test('topology spread: a hard constraint bounds the skew between domains', () => {
  const cache = cluster({ a: { labels: { zone: '1' } }, b: { labels: { zone: '2' }, allocatable: { cpu: '0' } } }, [
    ['a', {}],
  ]);
  const constraint = {
    maxSkew: 1,
    topologyKey: 'zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: { app: 'x' } },
  };
  expect(decide(cache, pod({ ...asking('1'), topologySpreadConstraints: [constraint] }))).toMatchObject({
    nodeName: undefined,
  });
  expect(decide(cache, pod(asking('1')))).toEqual({ nodeName: 'a' });
});

const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } };
const apart = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
const together = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };

test('pod anti-affinity: one per domain, and it counts in both directions', () => {
  const cache = cluster({ a: {}, b: {} }, [['a', { affinity: apart }]]);
  expect(decide(cache, pod({ affinity: apart }))).toEqual({ nodeName: 'b' });
  expect(decide(cache, pod({}))).toEqual({ nodeName: 'b' });
  const full = cluster({ a: {} }, [['a', {}]]);
  expect(decide(full, pod({ affinity: apart }))).toMatchObject({
    message: "0/1 nodes are available: 1 node(s) didn't satisfy pod affinity/anti-affinity rules.",
  });
});

test('pod affinity: beside a matching pod; the first of its kind goes anywhere; another namespace does not count', () => {
  const cache = cluster({ a: {}, b: {} }, [['b', asking('1500m')]]);
  expect(decide(cache, pod({ affinity: together }))).toEqual({ nodeName: 'b' });
  expect(decide(cluster({ a: {} }), pod({ affinity: together }))).toEqual({ nodeName: 'a' });
  const elsewhere = {
    ...pod({ affinity: together }),
    metadata: { namespace: 'other', name: 'new', labels: { app: 'y' } },
  };
  expect(decide(cache, elsewhere)).toMatchObject({ nodeName: undefined });
});

test('ten equal pods over two equal nodes land five and five', () => {
  const cache = cluster({ a: {}, b: {} });
  for (let i = 0; i < 10; i++) {
    const info = toPodInfo(pod({}, `p-${i}`, 'rs'));
    const placement = place(info, cache.nodes(), i);
    cache.assume(info, placement.nodeName!);
  }
  expect(cache.nodes().map((node) => node.pods.size)).toEqual([5, 5]);
});

test('no nodes at all is said so', () => {
  expect(decide(cluster({}), pod({}))).toEqual({ nodeName: undefined, message: 'no nodes available to schedule pods' });
});
