/** What discovery and decoding need to know of a resource that only answers. */
import type { ServedResource } from '../../api/discovery/groups.ts';

export function virtualKind(group: string, kind: string, resource: string): ServedResource {
  return {
    group,
    version: 'v1',
    resource,
    kind,
    listKind: `${kind}List`,
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: false,
    schema: `io.k8s.api.${group.split('.')[0]}.v1.${kind}`,
    verbs: ['create'],
    subresources: [],
  };
}
