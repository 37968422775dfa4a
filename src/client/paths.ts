/** Resource paths and query strings of the Kubernetes API. */
import type { GroupVersionResource } from '../api/types.ts';
import type { ListOptions } from './types.ts';

/** `/apis/apps/v1/namespaces/default/deployments/hello/status`. */
export function resourcePath(
  resource: GroupVersionResource,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  const parts = resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version];
  if (namespace) parts.push('namespaces', namespace);
  parts.push(resource.resource);
  if (name) parts.push(name);
  if (subresource) parts.push(subresource);
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

export function listQuery(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  const { labelSelector, fieldSelector, resourceVersion, limit } = options;
  if (labelSelector) query.set('labelSelector', labelSelector);
  if (fieldSelector) query.set('fieldSelector', fieldSelector);
  if (resourceVersion) query.set('resourceVersion', resourceVersion);
  if (limit !== undefined) query.set('limit', String(limit));
  if (options.continue) query.set('continue', options.continue);
  return query;
}
