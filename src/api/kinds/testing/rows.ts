/** Samples of the kinds, for tests: what is valid, what defaults make of it, what is refused and why, what may not change. */

export type Parts = Record<string, unknown>;

export interface Row {
  readonly kind: string;
  /** Spec, or what stands beside metadata. */
  readonly valid: Parts;
  readonly name?: string;
  /** Part of what is stored. */
  readonly stored?: Parts;
  /** What replaces parts of the valid object at the top level, and the causes. */
  readonly invalid: readonly (readonly [Parts, ...string[]])[];
  /** Changes at the top level, and the fields that they are refused for. */
  readonly fixed?: readonly (readonly [Parts, ...string[]])[];
}

const template = (restartPolicy?: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'a', image: 'nginx:1' }], ...(restartPolicy && { restartPolicy }) },
});
const selector = { matchLabels: { app: 'web' } };
/** Of a key that nobody has. */
const csrPem = Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----
MIGLMD8CAQAwDDEKMAgGA1UEAwwBYTAqMAUGAytlcAMhAKkn2BR2ZQ+f/szFY1om
nD6lcx+RqTciCG367gz3SMuToAAwBQYDK2VwA0EAeAfclmXln5VSpp7V7CPKtqs+
Fmw1nOoC9Do4qcfBLJVag/R1ZIbMouh7QANdhGLzLGUqhLT8JJec4p10ubg3Ag==
-----END CERTIFICATE REQUEST-----
`).toString('base64');
const webhook = {
  name: 'hook.example.com',
  clientConfig: { service: { name: 's', namespace: 'n' } },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
};
const matchConstraints = { resourceRules: webhook.rules };
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const device = { name: 'gpu', exactly: { deviceClassName: 'gpu.example.com' } };
const hpa = { scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }, maxReplicas: 3 };

export const rows: readonly Row[] = [
  {
    kind: 'DaemonSet',
    valid: { spec: { selector, template: template() } },
    stored: {
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } },
      status: { numberReady: 0, desiredNumberScheduled: 0 },
      metadata: { generation: 1, annotations: { 'deprecated.daemonset.template.generation': '1' } },
    },
    invalid: [
      [{ spec: { template: template() } }, 'spec.template.metadata.labels Invalid'],
      [{ spec: { selector, template: template('Never') } }, 'spec.template.spec.restartPolicy NotSupported'],
      [
        {
          spec: {
            selector,
            template: template(),
            updateStrategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } },
          },
        },
        'spec.updateStrategy.rollingUpdate.maxSurge Invalid',
      ],
    ],
    fixed: [[{ spec: { selector: { matchLabels: { app: 'db' } }, template: template() } }, 'spec.selector']],
  },
  {
    kind: 'StatefulSet',
    valid: {
      spec: {
        serviceName: 'web',
        selector,
        template: template(),
        volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: claim }],
      },
    },
    stored: {
      spec: {
        replicas: 1,
        podManagementPolicy: 'OrderedReady',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        volumeClaimTemplates: [{ spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } }],
      },
    },
    invalid: [
      [{ spec: { selector, template: template(), podManagementPolicy: 'Any' } }, 'spec.podManagementPolicy Invalid'],
      [{ spec: { selector, template: template(), serviceName: 'Web' } }, 'spec.serviceName Invalid'],
      [
        {
          spec: {
            selector,
            template: template(),
            updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } },
          },
        },
        'spec.updateStrategy.rollingUpdate Invalid',
      ],
      [
        { spec: { selector, template: template(), volumeClaimTemplates: [{ metadata: { name: 'd' } }] } },
        'spec.volumeClaimTemplates[0].spec.accessModes Required',
        'spec.volumeClaimTemplates[0].spec.resources[storage] Required',
      ],
    ],
    fixed: [
      [{ spec: { serviceName: 'other', selector, template: template() } }, 'spec'],
      [
        {
          spec: {
            replicas: 5,
            serviceName: 'web',
            selector,
            template: template(),
            volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: claim }],
          },
        },
      ],
    ],
  },
  {
    kind: 'ReplicationController',
    valid: { spec: { template: template() } },
    stored: { spec: { replicas: 1, selector: { app: 'web' } }, status: { replicas: 0 } },
    invalid: [
      [{ spec: { selector: { a: 'b' } } }, 'spec.template Required'],
      [{ spec: { selector: { a: 'b' }, template: template() } }, 'spec.template.metadata.labels Invalid'],
    ],
  },
  {
    kind: 'PodTemplate',
    valid: { template: template() },
    stored: { template: { spec: { restartPolicy: 'Always' } } },
    invalid: [[{ template: { spec: { containers: [] } } }, 'template.spec.containers Required']],
  },
  {
    kind: 'ControllerRevision',
    valid: { revision: 1, data: { a: 1 } },
    invalid: [
      [{ data: undefined }, 'data Required'],
      [{ revision: -1 }, 'revision Invalid'],
    ],
    fixed: [[{ data: { a: 2 } }, 'data']],
  },
  {
    kind: 'Job',
    valid: { spec: { template: template('Never') } },
    stored: {
      spec: {
        completions: 1,
        parallelism: 1,
        backoffLimit: 6,
        completionMode: 'NonIndexed',
        suspend: false,
        manualSelector: false,
        podReplacementPolicy: 'TerminatingOrFailed',
        selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
        template: { metadata: { labels: { 'job-name': 'a', 'controller-uid': 'u1', app: 'web' } } },
      },
      status: {},
    },
    invalid: [
      [{ spec: { template: template() } }, 'spec.template.spec.restartPolicy Required'],
      [{ spec: { template: template('Never'), backoffLimit: -1 } }, 'spec.backoffLimit Invalid'],
      [
        { spec: { template: template('Never'), completionMode: 'Indexed', parallelism: 1 } },
        'spec.completions Required',
      ],
      [
        { spec: { template: template('Never'), maxFailedIndexes: 1, completionMode: 'Indexed', completions: 2 } },
        'spec.backoffLimitPerIndex Required',
      ],
      [
        {
          spec: {
            template: template('Never'),
            podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [0, 0] } }] },
          },
        },
        'spec.podFailurePolicy.rules[0].onExitCodes.values[0] Invalid',
        'spec.podFailurePolicy.rules[0].onExitCodes.values[1] Invalid',
        'spec.podFailurePolicy.rules[0].onExitCodes.values[1] Duplicate',
      ],
      [
        { spec: { template: template('Never'), podFailurePolicy: { rules: [{ action: 'Ignore' }] } } },
        'spec.podFailurePolicy.rules[0] Invalid',
      ],
    ],
    fixed: [
      [{ spec: { template: template('OnFailure') } }, 'spec.template'],
      [{ spec: { template: template('Never'), completions: 2 } }, 'spec.completions'],
      [{ spec: { template: template('Never'), completions: 1, parallelism: 3 } }],
    ],
  },
  {
    kind: 'CronJob',
    valid: {
      spec: {
        schedule: '*/5 1-3 * JAN,FEB mon',
        timeZone: 'Europe/Berlin',
        jobTemplate: { spec: { template: template('Never') } },
      },
    },
    stored: {
      spec: { concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 },
    },
    invalid: [
      [
        { spec: { schedule: '* * *', jobTemplate: { spec: { template: template('Never') } } } },
        'spec.schedule Invalid',
      ],
      [
        { spec: { schedule: '61 * * * *', jobTemplate: { spec: { template: template('Never') } } } },
        'spec.schedule Invalid',
      ],
      [
        { spec: { schedule: '@every', jobTemplate: { spec: { template: template('Never') } } } },
        'spec.schedule Invalid',
      ],
      [
        { spec: { schedule: '@daily', timeZone: 'Mars/Base', jobTemplate: { spec: { template: template('Never') } } } },
        'spec.timeZone Invalid',
      ],
      [
        { spec: { schedule: 'TZ=UTC 1 * * * *', jobTemplate: { spec: { template: template('Never') } } } },
        'spec.schedule Invalid',
      ],
      [{ spec: { jobTemplate: { spec: { template: template('Never') } } } }, 'spec.schedule Required'],
      [
        { spec: { schedule: '@hourly', jobTemplate: { spec: { selector, template: template('Never') } } } },
        'spec.jobTemplate.spec.selector Invalid',
      ],
    ],
  },
  {
    kind: 'autoscaling/v2 HorizontalPodAutoscaler',
    valid: { spec: { ...hpa, behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } } },
    stored: {
      spec: {
        minReplicas: 1,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
        ],
        behavior: {
          scaleUp: {
            selectPolicy: 'Max',
            stabilizationWindowSeconds: 0,
            policies: [{ type: 'Pods', value: 4 }, { type: 'Percent' }],
          },
          scaleDown: {
            selectPolicy: 'Max',
            stabilizationWindowSeconds: 60,
            policies: [{ type: 'Percent', value: 100 }],
          },
        },
      },
    },
    invalid: [
      [{ spec: { ...hpa, maxReplicas: 0 } }, 'spec.maxReplicas Invalid', 'spec.maxReplicas Invalid'],
      [
        { spec: { ...hpa, scaleTargetRef: { kind: '', name: 'x' } } },
        'spec.scaleTargetRef.kind Required',
        'spec.scaleTargetRef.apiVersion Invalid',
      ],
      [{ spec: { ...hpa, metrics: [{ type: 'Pods' }] } }, 'spec.metrics[0].pods Required'],
      [
        {
          spec: { ...hpa, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }] },
        },
        'spec.metrics[0].resource.target.averageUtilization Required',
      ],
      [
        { spec: { ...hpa, behavior: { scaleUp: { policies: [{ type: 'X', value: 0, periodSeconds: 9999 }] } } } },
        'spec.behavior.scaleUp.policies[0].type NotSupported',
        'spec.behavior.scaleUp.policies[0].value Invalid',
        'spec.behavior.scaleUp.policies[0].periodSeconds Invalid',
      ],
    ],
  },
  {
    kind: 'PodDisruptionBudget',
    valid: { spec: { minAvailable: '50%', selector } },
    stored: { status: { disruptionsAllowed: 0, expectedPods: 0 }, metadata: { generation: 1 } },
    invalid: [
      [{ spec: { minAvailable: 1, maxUnavailable: 1 } }, 'spec Invalid'],
      [{ spec: { minAvailable: '101%' } }, 'spec.minAvailable Invalid'],
      [{ spec: { maxUnavailable: -1 } }, 'spec.maxUnavailable Invalid'],
      [{ spec: { unhealthyPodEvictionPolicy: 'Never' } }, 'spec.unhealthyPodEvictionPolicy NotSupported'],
    ],
  },
  {
    kind: 'Ingress',
    valid: {
      spec: {
        rules: [
          {
            host: '*.example.com',
            http: {
              paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
            },
          },
        ],
        tls: [{ hosts: ['a.example.com'], secretName: 'tls' }],
      },
    },
    stored: { status: { loadBalancer: {} } },
    invalid: [
      [{ spec: {} }, 'spec Invalid'],
      [{ spec: { rules: [{ host: '10.0.0.1' }] } }, 'spec.rules[0].host Invalid'],
      [{ spec: { rules: [{ http: { paths: [] } }] } }, 'spec.rules[0].http.paths Required'],
      [
        { spec: { rules: [{ http: { paths: [{ path: 'x', pathType: 'Exact', backend: {} }] } }] } },
        'spec.rules[0].http.paths[0].path Invalid',
        'spec.rules[0].http.paths[0].backend Invalid',
      ],
      [
        { spec: { rules: [{ http: { paths: [{ path: '/a//b', backend: {} }] } }] } },
        'spec.rules[0].http.paths[0].pathType Required',
      ],
      [{ spec: { defaultBackend: { service: { name: 'web' } } } }, 'spec.defaultBackend Required'],
    ],
  },
  {
    kind: 'IngressClass',
    valid: { spec: { controller: 'example.com/ingress', parameters: { kind: 'P', name: 'p' } } },
    stored: { spec: { parameters: { scope: 'Cluster' } } },
    invalid: [
      [{ spec: { controller: 'none' } }, 'spec.controller Invalid'],
      [
        { spec: { controller: 'a.b/c', parameters: { kind: 'P', name: 'p', scope: 'Namespace' } } },
        'spec.parameters.namespace Required',
      ],
    ],
    fixed: [[{ spec: { controller: 'example.com/other' } }, 'spec.controller']],
  },
  {
    kind: 'NetworkPolicy',
    valid: {
      spec: { egress: [{ ports: [{ port: 53 }], to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }] },
    },
    stored: {
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], egress: [{ ports: [{ protocol: 'TCP' }] }] },
    },
    invalid: [
      [{ spec: { ingress: [{ from: [{}] }] } }, 'spec.ingress[0].from[0] Required'],
      [
        { spec: { ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] } },
        'spec.ingress[0].from[0] Forbidden',
      ],
      [
        { spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }] }] } },
        'spec.ingress[0].from[0].ipBlock.except[0] Invalid',
      ],
      [{ spec: { ingress: [{ ports: [{ port: 80, endPort: 70 }] }] } }, 'spec.ingress[0].ports[0].endPort Invalid'],
      [{ spec: { policyTypes: ['Both'] } }, 'spec.policyTypes[0] NotSupported'],
    ],
  },
  {
    kind: 'IPAddress',
    name: '10.0.0.1',
    valid: { spec: { parentRef: { resource: 'services', namespace: 'default', name: 'a' } } },
    invalid: [[{ spec: {} }, 'spec.parentRef Required']],
    fixed: [[{ spec: { parentRef: { resource: 'services', name: 'b' } } }, 'spec.parentRef']],
  },
  {
    kind: 'ServiceCIDR',
    valid: { spec: { cidrs: ['10.0.0.0/16', 'fd00::/64'] } },
    invalid: [
      [{ spec: { cidrs: [] } }, 'spec.cidrs Required'],
      [{ spec: { cidrs: ['10.0.0.0/16', '11.0.0.0/16'] } }, 'spec.cidrs Invalid'],
      [{ spec: { cidrs: ['10.0.0.0'] } }, 'spec.cidrs[0] Invalid'],
    ],
    fixed: [[{ spec: { cidrs: ['10.1.0.0/16'] } }, 'spec.cidrs[0]']],
  },
  {
    kind: 'PersistentVolume',
    valid: { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' } } },
    stored: {
      spec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' },
      status: { phase: 'Pending' },
    },
    invalid: [
      [{ spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] } }, 'spec Required'],
      [
        { spec: { accessModes: ['Any'], nfs: { server: 's', path: '/p' } } },
        'spec.accessModes NotSupported',
        'spec.capacity Required',
        'spec.capacity NotSupported',
      ],
      [
        { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], local: { path: '/d' } } },
        'spec.nodeAffinity Required',
      ],
      [
        {
          spec: {
            capacity: { storage: '0' },
            accessModes: ['ReadWriteOnce'],
            hostPath: { path: '/a/..' },
            nfs: { server: 's', path: '/p' },
          },
        },
        'spec.capacity[storage] Invalid',
        'spec.hostPath.path Invalid',
        'spec.nfs Forbidden',
      ],
    ],
    fixed: [
      [
        { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/other' } } },
        'spec.persistentvolumesource',
      ],
      [{ spec: { capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' } } }],
    ],
  },
  {
    kind: 'PersistentVolumeClaim',
    valid: { spec: claim },
    stored: { spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } },
    invalid: [
      [{ spec: {} }, 'spec.accessModes Required', 'spec.resources[storage] Required'],
      [{ spec: { ...claim, accessModes: ['ReadWriteOnce', 'ReadWriteOncePod'] } }, 'spec.accessModes Forbidden'],
      [{ spec: { ...claim, dataSource: { kind: 'X', name: 'y' } } }],
    ],
    fixed: [
      [{ spec: { ...claim, resources: { requests: { storage: '2Gi' } } } }, 'spec'],
      [{ spec: { ...claim, volumeName: 'pv' } }],
      [{ spec: { ...claim, storageClassName: 'fast' } }],
    ],
  },
  {
    kind: 'StorageClass',
    valid: { provisioner: 'example.com/disk' },
    stored: { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' },
    invalid: [
      [{ provisioner: '' }, 'provisioner Required'],
      [{ reclaimPolicy: 'Recycle' }, 'reclaimPolicy NotSupported'],
      [{ volumeBindingMode: 'Later' }, 'volumeBindingMode NotSupported'],
      [
        { allowedTopologies: [{ matchLabelExpressions: [{ key: 'z', values: [] }] }] },
        'allowedTopologies[0].matchLabelExpressions[0].values Required',
      ],
    ],
    fixed: [[{ provisioner: 'other', parameters: { a: 'b' } }, 'parameters', 'provisioner']],
  },
  {
    kind: 'VolumeAttributesClass',
    valid: { driverName: 'd', parameters: { a: 'b' } },
    invalid: [[{ parameters: undefined }, 'parameters Required']],
    fixed: [[{ driverName: 'e' }, 'driverName']],
  },
  {
    kind: 'CSIDriver',
    valid: { spec: {} },
    stored: {
      spec: {
        attachRequired: true,
        podInfoOnMount: false,
        fsGroupPolicy: 'ReadWriteOnceWithFSType',
        volumeLifecycleModes: ['Persistent'],
      },
    },
    invalid: [
      [{ spec: { fsGroupPolicy: 'X' } }, 'spec.fsGroupPolicy NotSupported'],
      [
        { spec: { tokenRequests: [{ audience: 'a', expirationSeconds: 5 }] } },
        'spec.tokenRequests[0].expirationSeconds Invalid',
      ],
    ],
    fixed: [[{ spec: { attachRequired: false } }, 'spec.attachedRequired']],
  },
  {
    kind: 'CSINode',
    valid: { spec: { drivers: [{ name: 'd', nodeID: 'n', topologyKeys: [] }] } },
    invalid: [
      [
        {
          spec: {
            drivers: [
              { name: 'd', nodeID: '' },
              { name: 'd', nodeID: 'x' },
            ],
          },
        },
        'spec.drivers[0].nodeID Required',
        'spec.drivers[1].name Duplicate',
      ],
    ],
    fixed: [[{ spec: { drivers: [{ name: 'd', nodeID: 'other' }] } }, 'spec.drivers']],
  },
  {
    kind: 'CSIStorageCapacity',
    valid: { storageClassName: 'c', capacity: '1Gi' },
    invalid: [[{ storageClassName: '' }, 'storageClassName Invalid']],
    fixed: [[{ storageClassName: 'd' }, 'storageClassName']],
  },
  {
    kind: 'VolumeAttachment',
    valid: { spec: { attacher: 'd', nodeName: 'n', source: { persistentVolumeName: 'pv' } } },
    stored: { status: { attached: false } },
    invalid: [
      [
        { spec: { attacher: '', nodeName: 'n', source: {} } },
        'spec.attacher Required',
        'spec.source Required',
        'spec.attacher Required',
      ],
    ],
    fixed: [[{ spec: { attacher: 'd', nodeName: 'm', source: { persistentVolumeName: 'pv' } } }, 'spec']],
  },
  {
    kind: 'RuntimeClass',
    valid: { handler: 'runc' },
    invalid: [[{ handler: 'No_Handler' }, 'handler Invalid']],
    fixed: [[{ handler: 'other' }, 'handler']],
  },
  {
    kind: 'PriorityClass',
    valid: { value: 5 },
    stored: { preemptionPolicy: 'PreemptLowerPriority' },
    invalid: [
      [{ value: 2_000_000_000 }, 'value Forbidden'],
      [{ preemptionPolicy: 'Sometimes' }, 'preemptionPolicy NotSupported'],
    ],
    fixed: [[{ value: 6 }, 'value']],
  },
  {
    kind: 'ResourceQuota',
    valid: { spec: { hard: { pods: '5', 'requests.cpu': '1', 'count/jobs.batch': '3' } } },
    invalid: [
      [{ spec: { hard: { bananas: '1' } } }, 'spec.hard[bananas] Invalid', 'spec.hard[bananas] Invalid'],
      [{ spec: { hard: { pods: '-1' } } }, 'spec.hard[pods] Invalid'],
      [{ spec: { scopes: ['Terminating', 'NotTerminating'] } }, 'spec.scopes Invalid'],
      [
        { spec: { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In' }] } } },
        'spec.scopeSelector.matchExpressions.values Required',
      ],
    ],
    fixed: [[{ spec: { scopes: ['BestEffort'] } }, 'spec.scopes']],
  },
  {
    kind: 'Role',
    valid: { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] },
    invalid: [
      [
        { rules: [{ verbs: [] }] },
        'rules[0].verbs Required',
        'rules[0].apiGroups Required',
        'rules[0].resources Required',
      ],
      [{ rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] }, 'rules[0].nonResourceURLs Invalid'],
    ],
  },
  {
    kind: 'ClusterRole',
    valid: { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
    invalid: [[{ aggregationRule: {} }, 'aggregationRule.clusterRoleSelectors Required']],
  },
  {
    kind: 'ClusterRoleBinding',
    valid: { roleRef: { kind: 'ClusterRole', name: 'a' }, subjects: [{ kind: 'User', name: 'u' }] },
    stored: {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io' }],
    },
    invalid: [
      [{ roleRef: { kind: 'Role', name: '' } }, 'roleRef.kind NotSupported', 'roleRef.name Required'],
      [
        {
          subjects: [
            { kind: 'ServiceAccount', name: 'a' },
            { kind: 'X', name: 'b' },
          ],
        },
        'subjects[0].namespace Required',
        'subjects[1].kind NotSupported',
      ],
    ],
    fixed: [[{ roleRef: { kind: 'ClusterRole', name: 'b' } }, 'roleRef']],
  },
  {
    kind: 'MutatingWebhookConfiguration',
    valid: { webhooks: [webhook] },
    stored: {
      webhooks: [
        {
          failurePolicy: 'Fail',
          matchPolicy: 'Equivalent',
          timeoutSeconds: 10,
          reinvocationPolicy: 'Never',
          clientConfig: { service: { port: 443 } },
          rules: [{ scope: '*' }],
        },
      ],
    },
    invalid: [
      [{ webhooks: [{ ...webhook, name: 'short.name' }] }, 'webhooks[0].name Invalid'],
      [
        { webhooks: [{ ...webhook, sideEffects: undefined, admissionReviewVersions: [] }] },
        'webhooks[0].admissionReviewVersions Required',
        'webhooks[0].sideEffects Required',
      ],
      [{ webhooks: [{ ...webhook, clientConfig: { url: 'http://h' } }] }, 'webhooks[0].clientConfig.url Invalid'],
      [{ webhooks: [{ ...webhook, timeoutSeconds: 31 }] }, 'webhooks[0].timeoutSeconds Invalid'],
      [
        {
          webhooks: [
            {
              ...webhook,
              rules: [
                { operations: ['*', 'CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', '*/*'] },
              ],
            },
          ],
        },
        'webhooks[0].rules[0].operations Invalid',
        'webhooks[0].rules[0].resources Invalid',
      ],
      [{ webhooks: [webhook, webhook] }, 'webhooks[1].name Duplicate'],
    ],
  },
  {
    kind: 'ValidatingWebhookConfiguration',
    valid: { webhooks: [webhook] },
    stored: { webhooks: [{ failurePolicy: 'Fail' }] },
    invalid: [],
  },
  {
    kind: 'ValidatingAdmissionPolicy',
    valid: { spec: { matchConstraints, validations: [{ expression: 'true' }] } },
    stored: { spec: { failurePolicy: 'Fail', matchConstraints: { matchPolicy: 'Equivalent' } } },
    invalid: [
      [{ spec: { matchConstraints } }, 'spec.validations Required', 'spec.auditAnnotations Required'],
      [
        { spec: { validations: [{ expression: '' }] } },
        'spec.matchConstraints Required',
        'spec.validations[0].expression Required',
      ],
    ],
  },
  {
    kind: 'ValidatingAdmissionPolicyBinding',
    valid: { spec: { policyName: 'p', validationActions: ['Deny'] } },
    invalid: [
      [{ spec: {} }, 'spec.policyName Required', 'spec.validationActions Required'],
      [{ spec: { policyName: 'p', validationActions: ['Deny', 'Warn'] } }, 'spec.validationActions Invalid'],
    ],
  },
  {
    kind: 'CertificateSigningRequest',
    valid: { spec: { request: csrPem, signerName: 'example.com/s', usages: ['client auth'], username: 'mallory' } },
    stored: { spec: { username: 'alice', groups: ['dev'] }, status: {} },
    invalid: [
      [
        { spec: { request: 'YQ==', signerName: 'x', usages: [] } },
        'spec.request Invalid',
        'spec.usages Required',
        'spec.signerName Invalid',
      ],
      [
        { spec: { request: csrPem, signerName: 'example.com/s', usages: ['fly'], expirationSeconds: 5 } },
        'spec.usages[0] NotSupported',
        'spec.expirationSeconds Invalid',
      ],
    ],
  },
  {
    kind: 'FlowSchema',
    valid: {
      spec: {
        priorityLevelConfiguration: { name: 'p' },
        rules: [
          {
            subjects: [{ kind: 'User', user: { name: '*' } }],
            nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
          },
        ],
      },
    },
    stored: { spec: { matchingPrecedence: 1000 } },
    invalid: [
      [
        { spec: { priorityLevelConfiguration: { name: '' }, matchingPrecedence: 20_000 } },
        'spec.matchingPrecedence Invalid',
        'spec.priorityLevelConfiguration.name Required',
      ],
      [
        { spec: { priorityLevelConfiguration: { name: 'p' }, rules: [{ subjects: [{ kind: 'User' }] }] } },
        'spec.rules[0].subjects[0].user Required',
        'spec.rules[0] Required',
      ],
    ],
  },
  {
    kind: 'PriorityLevelConfiguration',
    valid: { spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: {} } } } },
    stored: {
      spec: {
        limited: {
          nominalConcurrencyShares: 30,
          lendablePercent: 0,
          limitResponse: { queuing: { handSize: 8, queues: 64, queueLengthLimit: 50 } },
        },
      },
    },
    invalid: [
      [{ spec: { type: 'Limited' } }, 'spec.limited Required'],
      [{ spec: { type: 'Exempt' } }, 'spec.type Invalid'],
      [
        { spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue' } } } },
        'spec.limited.limitResponse.queuing Required',
      ],
    ],
  },
  {
    kind: 'ResourceClaim',
    valid: { spec: { devices: { requests: [device] } } },
    stored: { spec: { devices: { requests: [{ exactly: { allocationMode: 'ExactCount', count: 1 } }] } } },
    invalid: [
      [{ spec: { devices: { requests: [{ name: 'a' }] } } }, 'spec.devices.requests[0] Required'],
      [{ spec: { devices: { requests: [device, device] } } }, 'spec.devices.requests[1] Duplicate'],
      [
        { spec: { devices: { requests: [device], constraints: [{ requests: ['x'], matchAttribute: 'a.b/c' }] } } },
        'spec.devices.constraints[0].requests[0] Invalid',
      ],
    ],
    fixed: [[{ spec: { devices: { requests: [{ ...device, name: 'other' }] } } }, 'spec']],
  },
  {
    kind: 'ResourceClaimTemplate',
    valid: { spec: { spec: { devices: { requests: [device] } } } },
    invalid: [
      [{ spec: { spec: { devices: { requests: [{ name: 'a' }] } } } }, 'spec.spec.devices.requests[0] Required'],
    ],
  },
  {
    kind: 'DeviceClass',
    valid: { spec: { selectors: [{ cel: { expression: 'true' } }] } },
    invalid: [[{ spec: { selectors: [{}] } }, 'spec.selectors[0].cel Required']],
  },
  {
    kind: 'ResourceSlice',
    valid: {
      spec: { driver: 'd.example.com', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 } },
    },
    invalid: [
      [
        { spec: { driver: 'd', pool: { name: 'p', generation: 1, resourceSliceCount: 0 } } },
        'spec.pool.resourceSliceCount Invalid',
        'spec Required',
      ],
    ],
    fixed: [
      [
        { spec: { driver: 'e', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 } } },
        'spec.driver',
      ],
    ],
  },
  {
    kind: 'CustomResourceDefinition',
    name: 'crons.example.com',
    valid: {
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'crons', kind: 'Cron' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    },
    stored: {
      spec: { names: { singular: 'cron', listKind: 'CronList' }, conversion: { strategy: 'None' } },
      status: { storedVersions: ['v1'] },
    },
    invalid: [
      [
        { spec: { group: 'example.com', scope: 'X', names: { plural: 'crons', kind: 'Cron' }, versions: [] } },
        'spec.scope NotSupported',
        'spec.versions Invalid',
        'status.storedVersions Invalid',
      ],
    ],
  },
  {
    kind: 'APIService',
    name: 'v1.example.com',
    valid: {
      spec: {
        group: 'example.com',
        version: 'v1',
        groupPriorityMinimum: 100,
        versionPriority: 10,
        service: { name: 's', namespace: 'n' },
      },
    },
    stored: { spec: { service: { port: 443 } }, status: {} },
    invalid: [
      [
        { spec: { group: 'example.com', version: 'v2', groupPriorityMinimum: 0, versionPriority: 10 } },
        'metadata.name Invalid',
        'spec.groupPriorityMinimum Invalid',
      ],
    ],
  },
  {
    kind: 'Service',
    valid: { spec: { ports: [{ port: 80 }] } },
    invalid: [
      [{ spec: { ports: [{ port: 80 }], externalTrafficPolicy: 'Local' } }, 'spec.externalTrafficPolicy Invalid'],
      [
        { spec: { ports: [{ port: 80 }], loadBalancerSourceRanges: ['10.0.0.0/8'] } },
        'spec.LoadBalancerSourceRanges Forbidden',
      ],
      [
        { spec: { ports: [{ port: 80 }], type: 'LoadBalancer', loadBalancerSourceRanges: ['x'] } },
        'spec.LoadBalancerSourceRanges[0] Invalid',
      ],
      [{ spec: { ports: [{ port: 80 }], loadBalancerClass: 'a.b/c' } }, 'spec.loadBalancerClass Forbidden'],
      [
        { spec: { ports: [{ port: 80 }], allocateLoadBalancerNodePorts: true } },
        'spec.allocateLoadBalancerNodePorts Forbidden',
      ],
      [{ spec: { ports: [{ port: 80 }], healthCheckNodePort: 30_001 } }, 'spec.healthCheckNodePort Invalid'],
      [
        { spec: { ports: [{ port: 80 }], externalIPs: ['127.0.0.1', 'x'] } },
        'spec.externalIPs[0] Invalid',
        'spec.externalIPs[1] Invalid',
      ],
      [{ spec: { ports: [{ port: 80 }], ipFamilies: ['IPv5'] } }, 'spec.ipFamilies[0] NotSupported'],
      [{ spec: { ports: [{ port: 80 }], trafficDistribution: 'X' } }, 'spec.trafficDistribution NotSupported'],
      [{ spec: { clusterIPs: ['None'] } }, 'spec.clusterIPs Invalid'],
      [{ spec: { ports: [{ port: 80, appProtocol: 'bad proto' }] } }, 'spec.ports[0].appProtocol Invalid'],
    ],
  },
  {
    kind: 'LimitRange',
    valid: { spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } },
    invalid: [
      [
        { spec: { limits: [{ type: 'X' }, { type: 'Container' }, { type: 'Container' }] } },
        'spec.limits[0].type Invalid',
        'spec.limits[2].type Duplicate',
      ],
      [{ spec: { limits: [{ type: 'Pod', default: { cpu: '1' } }] } }, 'spec.limits[0].default Forbidden'],
      [{ spec: { limits: [{ type: 'PersistentVolumeClaim' }] } }, 'spec.limits[0].limits Required'],
    ],
  },
  {
    kind: 'Endpoints',
    valid: { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] },
    stored: { subsets: [{ ports: [{ protocol: 'TCP' }] }] },
    invalid: [[{ subsets: [{ ports: [{ port: 0 }] }] }, 'subsets[0] Required', 'subsets[0].ports[0].port Invalid']],
  },
  {
    kind: 'EndpointSlice',
    valid: { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 80 }] },
    stored: { endpoints: [{ conditions: {} }], ports: [{ name: '', protocol: 'TCP' }] },
    invalid: [
      [{ endpoints: [{ addresses: [] }] }, 'endpoints[0].addresses Required'],
      [{ endpoints: [{ addresses: ['x'] }] }, 'endpoints[0].addresses[0] Invalid'],
      [
        {
          ports: [
            { name: 'a', port: 1 },
            { name: 'a', port: 2 },
          ],
        },
        'ports[1].name Duplicate',
      ],
    ],
    fixed: [[{ addressType: 'IPv6', endpoints: [] }, 'addressType']],
  },
];
