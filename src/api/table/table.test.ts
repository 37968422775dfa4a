import { expect, test } from 'vitest';
import { createKindRegistry } from '../registry.ts';
import type { KubernetesObject } from '../types.ts';
import { toPartialObjectMetadataList, toTable } from './table.ts';

const nowMs = Date.parse('2026-01-02T00:00:00Z');
const registry = createKindRegistry();
const labels = { app: 'web' };
const meta = (name: string, more: object = {}) => ({ name, creationTimestamp: '2026-01-01T00:00:00Z', ...more });
const template = {
  spec: {
    containers: [
      { name: 'a', image: 'nginx:1' },
      { name: 'b', image: 'redis' },
    ],
  },
};
const selector = { matchLabels: labels, matchExpressions: [{ key: 'tier', operator: 'In', values: ['x', 'y'] }] };

const samples: readonly (readonly [kind: string, ...objects: KubernetesObject[]])[] = [
  [
    'Pod',
    {
      metadata: meta('web-1'),
      spec: { nodeName: 'n1', containers: [{ name: 'a' }], readinessGates: [{ conditionType: 'x/y' }] },
      status: { phase: 'Running', podIPs: [{ ip: '10.1.2.3' }] },
    },
  ],
  [
    'Deployment',
    {
      metadata: meta('web'),
      spec: { replicas: 3, selector, template },
      status: { readyReplicas: 2, updatedReplicas: 3 },
    },
  ],
  [
    'ReplicaSet',
    { metadata: meta('web-5d'), spec: { replicas: 3, selector, template }, status: { replicas: 3, readyReplicas: 2 } },
  ],
  [
    'Node',
    {
      metadata: meta('n1', { labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/a': '' } }),
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
        nodeInfo: {
          kubeletVersion: 'v1.35.0',
          osImage: 'Linux',
          kernelVersion: '6.1',
          containerRuntimeVersion: 'containerd://2.0',
        },
      },
    },
    { metadata: meta('n2'), status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
    { metadata: meta('n3') },
  ],
  [
    'Service',
    { metadata: meta('a'), spec: { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP' }], selector: labels } },
    { metadata: meta('b'), spec: { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'] } },
    {
      metadata: meta('c'),
      spec: { type: 'NodePort', clusterIP: '10.2.0.1', ports: [{ port: 80, nodePort: 30080, protocol: 'UDP' }] },
    },
    { metadata: meta('d'), spec: { type: 'LoadBalancer', clusterIP: '10.2.0.2' } },
    { metadata: meta('e'), spec: { type: 'ExternalName', externalName: 'example.org' } },
  ],
  [
    'Event',
    {
      metadata: meta('e'),
      type: 'Warning',
      reason: 'Failed',
      message: ' image not found\n',
      involvedObject: { kind: 'Pod', name: 'web-1', fieldPath: 'spec.containers{a}' },
      source: { component: 'kubelet', host: 'n1' },
      firstTimestamp: '2026-01-01T23:00:00Z',
      lastTimestamp: '2026-01-01T23:59:00Z',
      count: 7,
    },
  ],
  ['Namespace', { metadata: meta('default'), status: { phase: 'Active' } }],
  ['ConfigMap', { metadata: meta('c'), data: { a: '1' }, binaryData: { b: '' } }],
  ['Secret', { metadata: meta('s'), type: 'Opaque', data: { a: '' } }],
  ['ServiceAccount', { metadata: meta('default') }],
  ['Lease', { metadata: meta('n1'), spec: { holderIdentity: 'n1' } }],
  [
    'Endpoints',
    {
      metadata: meta('web'),
      subsets: [{ addresses: [{ ip: '10.1.0.1' }, { ip: '10.1.0.2' }], ports: [{ port: 80 }, { port: 81 }] }],
    },
    { metadata: meta('none') },
  ],
  [
    'RoleBinding',
    { metadata: meta('rb'), roleRef: { kind: 'Role', name: 'r' }, subjects: [{ kind: 'User', name: 'u' }] },
  ],
];

function render(kind: string, objects: readonly KubernetesObject[]): string {
  const definition = registry.definitions.find((one) => one.kind === kind)!;
  const table = toTable(definition, objects, { nowMs, includeObject: 'None' });
  const header = definition.columns.map(({ name, priority }) => (priority > 0 ? `(${name})` : name).toUpperCase());
  return [header, ...table.rows.map((row) => row.cells.map(String))].map((cells) => cells.join(' | ')).join('\n');
}

test('tables as kubectl will show them', async () => {
  const text = samples.map(([kind, ...objects]) => `# ${kind}\n${render(kind, objects)}\n`).join('\n');
  await expect(text).toMatchFileSnapshot('testdata/tables.txt');
});

test('rows carry metadata, the whole object or nothing, as asked', () => {
  const namespaces = registry.definitions.find((one) => one.kind === 'Namespace')!;
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: meta('a'), status: { phase: 'Active' } };
  const row = (includeObject?: 'Metadata' | 'Object' | 'None') =>
    toTable(namespaces, [object], { nowMs, includeObject }).rows[0];
  expect(row()?.object).toEqual({
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: object.metadata,
  });
  expect(row('Object')?.object).toBe(object);
  expect(row('None')).not.toHaveProperty('object');
  const table = toTable(namespaces, [], {
    nowMs,
    withHeaders: false,
    metadata: { resourceVersion: '7' },
    version: 'v1beta1',
  });
  expect(table).toEqual({
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1beta1',
    metadata: { resourceVersion: '7' },
    columnDefinitions: [],
    rows: [],
  });
  expect(toPartialObjectMetadataList([object], { resourceVersion: '7' })).toMatchObject({
    kind: 'PartialObjectMetadataList',
    items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'a' } }],
  });
});
