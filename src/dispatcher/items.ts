/** Names of the things that are assigned to nodes: `resource/namespace/name`, the namespace empty for Node objects. */
import type { TypedObject } from '../api/types.ts';

export type AssignedResource = 'pods' | 'secrets' | 'configmaps' | 'nodes';

export type Item = `${AssignedResource}/${string}/${string}`;

export function itemOf(resource: AssignedResource, object: TypedObject): Item {
  return `${resource}/${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
}

export function parseItem(item: Item): { resource: AssignedResource; namespace: string; name: string } {
  const [resource, namespace = '', name = ''] = item.split('/');
  return { resource: resource as AssignedResource, namespace, name };
}
