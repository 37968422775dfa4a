import { expect, test } from 'vitest';
import type { KubernetesObject } from '../types.ts';
import { meta, table } from './testing/harness.ts';

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { nodeSelector: { disk: 'ssd' }, containers: [{ name: 'a', image: 'nginx:1' }] },
};
const selector = { matchLabels: { app: 'web' } };
const condition = (type: string) => ({ conditions: [{ type, status: 'True' }] });
const utilization = { type: 'Utilization', averageUtilization: 80 };

const samples: readonly (readonly [kind: string, ...objects: KubernetesObject[]])[] = [
  [
    'DaemonSet',
    {
      metadata: meta('d'),
      spec: { selector, template },
      status: {
        desiredNumberScheduled: 3,
        currentNumberScheduled: 3,
        numberReady: 2,
        updatedNumberScheduled: 1,
        numberAvailable: 2,
      },
    },
  ],
  ['StatefulSet', { metadata: meta('s'), spec: { replicas: 3, selector, template }, status: { readyReplicas: 1 } }],
  [
    'ReplicationController',
    { metadata: meta('r'), spec: { replicas: 2, selector: { app: 'web' }, template }, status: { replicas: 1 } },
  ],
  ['PodTemplate', { metadata: meta('t'), template }],
  [
    'ControllerRevision',
    {
      metadata: meta('c', {
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'u', controller: true }],
      }),
      revision: 4,
    },
  ],
  [
    'Job',
    {
      metadata: meta('a'),
      spec: { completions: 3, selector, template },
      status: { succeeded: 1, startTime: '2026-01-01T23:59:00Z' },
    },
    {
      metadata: meta('b'),
      spec: { parallelism: 2, template },
      status: {
        ...condition('Complete'),
        succeeded: 1,
        startTime: '2026-01-01T00:00:00Z',
        completionTime: '2026-01-01T00:00:09Z',
      },
    },
    { metadata: meta('c'), spec: { parallelism: 1, template }, status: condition('Suspended') },
  ],
  [
    'CronJob',
    { metadata: meta('c'), spec: { schedule: '@daily', suspend: false, jobTemplate: { spec: { template } } } },
    {
      metadata: meta('d'),
      spec: { schedule: '1 * * * *', timeZone: 'UTC', suspend: true },
      status: { active: [{}], lastScheduleTime: '2026-01-01T23:00:00Z' },
    },
  ],
  [
    'autoscaling/v2 HorizontalPodAutoscaler',
    {
      metadata: meta('h'),
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'web' },
        minReplicas: 2,
        maxReplicas: 5,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: utilization } },
          { type: 'Pods', pods: { metric: { name: 'm' }, target: { type: 'AverageValue', averageValue: '5' } } },
          { type: 'External' },
        ],
      },
      status: {
        currentReplicas: 3,
        currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 30 } } }],
      },
    },
  ],
  [
    'autoscaling/v1 HorizontalPodAutoscaler',
    {
      metadata: meta('h'),
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 5, targetCPUUtilizationPercentage: 70 },
      status: { currentReplicas: 1, desiredReplicas: 1, currentCPUUtilizationPercentage: 12 },
    },
  ],
  ['PodDisruptionBudget', { metadata: meta('p'), spec: { minAvailable: '50%' }, status: { disruptionsAllowed: 1 } }],
  [
    'Ingress',
    {
      metadata: meta('i'),
      spec: {
        ingressClassName: 'nginx',
        tls: [{}],
        rules: [{ host: 'a' }, { host: 'b' }, { host: 'c' }, { host: 'd' }],
      },
      status: { loadBalancer: { ingress: [{ ip: '10.0.0.2' }, { hostname: 'h' }] } },
    },
    { metadata: meta('j'), spec: { defaultBackend: {} } },
  ],
  [
    'IngressClass',
    {
      metadata: meta('n'),
      spec: { controller: 'k8s.io/nginx', parameters: { apiGroup: 'g.io', kind: 'P', name: 'p' } },
    },
  ],
  ['NetworkPolicy', { metadata: meta('n'), spec: { podSelector: selector } }, { metadata: meta('all'), spec: {} }],
  [
    'IPAddress',
    { metadata: meta('10.0.0.1'), spec: { parentRef: { resource: 'services', namespace: 'default', name: 'a' } } },
  ],
  ['ServiceCIDR', { metadata: meta('kubernetes'), spec: { cidrs: ['10.0.0.0/16'] } }],
  [
    'PersistentVolume',
    {
      metadata: meta('pv'),
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteMany', 'ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: { namespace: 'default', name: 'c' },
        volumeMode: 'Filesystem',
      },
      status: { phase: 'Bound' },
    },
  ],
  [
    'PersistentVolumeClaim',
    {
      metadata: meta('c'),
      spec: { volumeName: 'pv', storageClassName: 's' },
      status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
    },
    { metadata: meta('d'), status: { phase: 'Pending' } },
  ],
  [
    'StorageClass',
    {
      metadata: meta('s', { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }),
      provisioner: 'p',
    },
  ],
  ['VolumeAttributesClass', { metadata: meta('v'), driverName: 'd' }],
  [
    'CSIDriver',
    { metadata: meta('d'), spec: { attachRequired: false, volumeLifecycleModes: ['Persistent', 'Ephemeral'] } },
  ],
  ['CSINode', { metadata: meta('n'), spec: { drivers: [{}] } }],
  ['CSIStorageCapacity', { metadata: meta('c'), storageClassName: 's', capacity: '1Gi' }],
  [
    'VolumeAttachment',
    {
      metadata: meta('a'),
      spec: { attacher: 'd', nodeName: 'n', source: { persistentVolumeName: 'pv' } },
      status: { attached: true },
    },
  ],
  ['RuntimeClass', { metadata: meta('r'), handler: 'runc' }],
  ['PriorityClass', { metadata: meta('p'), value: 5, preemptionPolicy: 'Never' }],
  ['ResourceQuota', { metadata: meta('q'), status: { hard: { pods: '5', 'limits.cpu': '2' }, used: { pods: '1' } } }],
  ['Role', { metadata: meta('r') }],
  [
    'ClusterRoleBinding',
    {
      metadata: meta('b'),
      roleRef: { kind: 'ClusterRole', name: 'admin' },
      subjects: [
        { kind: 'Group', name: 'g' },
        { kind: 'ServiceAccount', namespace: 'n', name: 's' },
      ],
    },
  ],
  ['MutatingWebhookConfiguration', { metadata: meta('m'), webhooks: [{}, {}] }],
  [
    'ValidatingAdmissionPolicy',
    { metadata: meta('p'), spec: { validations: [{}], paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } } },
  ],
  ['ValidatingAdmissionPolicyBinding', { metadata: meta('b'), spec: { policyName: 'p', paramRef: { name: 'x' } } }],
  [
    'CertificateSigningRequest',
    {
      metadata: meta('c'),
      spec: { signerName: 'a.b/c', username: 'u', expirationSeconds: 3600 },
      status: { ...condition('Approved'), certificate: 'x' },
    },
  ],
  [
    'FlowSchema',
    {
      metadata: meta('f'),
      spec: { priorityLevelConfiguration: { name: 'p' }, matchingPrecedence: 5 },
      status: { conditions: [{ type: 'Dangling', status: 'False' }] },
    },
  ],
  [
    'PriorityLevelConfiguration',
    {
      metadata: meta('p'),
      spec: {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: 30,
          limitResponse: { queuing: { queues: 64, handSize: 6, queueLengthLimit: 50 } },
        },
      },
    },
    { metadata: meta('exempt'), spec: { type: 'Exempt' } },
  ],
  ['ResourceClaim', { metadata: meta('c') }, { metadata: meta('d'), status: { allocation: {}, reservedFor: [{}] } }],
  ['ResourceSlice', { metadata: meta('s'), spec: { nodeName: 'n', driver: 'd', pool: { name: 'p' } } }],
  ['CustomResourceDefinition', { metadata: meta('crons.example.com') }],
  [
    'APIService',
    { metadata: meta('v1.'), spec: {}, status: condition('Available') },
    {
      metadata: meta('v1.x'),
      spec: { service: { namespace: 'n', name: 's' } },
      status: { conditions: [{ type: 'Available', status: 'False', reason: 'ServiceNotFound' }] },
    },
  ],
  [
    'ComponentStatus',
    { metadata: meta('scheduler'), conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] },
  ],
];

test('tables as kubectl will show them', async () => {
  const text = samples.map(([kind, ...objects]) => `# ${kind}\n${table(kind, objects)}\n`).join('\n');
  await expect(text).toMatchFileSnapshot('testdata/columns.txt');
});
