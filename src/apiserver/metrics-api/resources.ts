/** metrics.k8s.io as discovery shows it: what `kubectl top` and autoscalers read. Nothing of it is stored. */
import type { ServedResource } from '../../api/discovery/groups.ts';

export const metricsGroup = 'metrics.k8s.io';
export const metricsVersion = 'v1beta1';

function metricsResource(resource: 'nodes' | 'pods', kind: string, namespaced: boolean): ServedResource {
  return {
    group: metricsGroup,
    version: metricsVersion,
    resource,
    kind,
    listKind: `${kind}List`,
    singular: '',
    shortNames: [],
    categories: [],
    namespaced,
    schema: `io.k8s.metrics.pkg.apis.metrics.v1beta1.${kind}`,
    verbs: ['get', 'list'],
    subresources: [],
  };
}

export const metricsResources: readonly ServedResource[] = [
  metricsResource('nodes', 'NodeMetrics', false),
  metricsResource('pods', 'PodMetrics', true),
];
