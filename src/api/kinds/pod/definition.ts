/** core/v1 Pod. */
import { defineKind, fieldAt, proxySubresource, statusSubresource } from '../define.ts';
import { podColumns } from './columns.ts';
import { podStrategy } from './strategy.ts';

const kind = { group: '', version: 'v1', kind: 'Pod' } as const;
const connectVerbs = ['create', 'get'];

export const podDefinition = defineKind({
  ...kind,
  resource: 'pods',
  namespaced: true,
  shortNames: ['po'],
  categories: ['all'],
  subresources: [
    { name: 'attach', kind: { group: '', version: 'v1', kind: 'PodAttachOptions' }, verbs: connectVerbs },
    { name: 'binding', kind: { group: '', version: 'v1', kind: 'Binding' }, verbs: ['create'] },
    { name: 'ephemeralcontainers', kind, verbs: ['get', 'patch', 'update'] },
    { name: 'eviction', kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] },
    { name: 'exec', kind: { group: '', version: 'v1', kind: 'PodExecOptions' }, verbs: connectVerbs },
    { name: 'log', kind, verbs: ['get'] },
    { name: 'portforward', kind: { group: '', version: 'v1', kind: 'PodPortForwardOptions' }, verbs: connectVerbs },
    proxySubresource('Pod'),
    { name: 'resize', kind, verbs: ['get', 'patch', 'update'] },
    statusSubresource(kind),
  ],
  allColumns: podColumns,
  strategy: podStrategy,
  fieldSelectors: {
    'spec.nodeName': fieldAt('spec.nodeName'),
    'spec.restartPolicy': fieldAt('spec.restartPolicy'),
    'spec.schedulerName': fieldAt('spec.schedulerName'),
    'spec.serviceAccountName': fieldAt('spec.serviceAccountName'),
    'spec.hostNetwork': fieldAt('spec.hostNetwork', 'false'),
    'status.phase': fieldAt('status.phase'),
    'status.podIP': fieldAt('status.podIP'),
    'status.podIPs': fieldAt('status.podIP'),
    'status.nominatedNodeName': fieldAt('status.nominatedNodeName'),
  },
});
