/** Names of the things that are assigned to nodes: `resource/namespace/name`, the namespace empty for Node objects. */
import type { TypedObject } from '../api/types.ts';

export type AssignedResource = 'pods' | 'secrets' | 'configmaps' | 'nodes';

/** What every node is told alike. */
export type NetworkResource = 'services' | 'endpointslices' | 'networkpolicies' | 'namespaces' | 'nodes' | 'pods';

export type Item = `${AssignedResource | NetworkResource}/${string}/${string}`;

export function itemOf(resource: AssignedResource | NetworkResource, object: TypedObject): Item {
  return `${resource}/${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
}

export function parseItem(item: Item): {
  resource: AssignedResource | NetworkResource;
  namespace: string;
  name: string;
} {
  const [resource, namespace = '', name = ''] = item.split('/');
  return { resource: resource as AssignedResource | NetworkResource, namespace, name };
}
