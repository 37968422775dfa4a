/** Where API objects lie in the store: `/registry/<group or "core">/<resource>/[<namespace>/]<name>`. */
import type { GroupVersionResource } from '../api/types.ts';
import { type KeyRange, prefixEnd } from '../store/types.ts';

type Located = Pick<GroupVersionResource, 'group' | 'resource'> & {
  readonly stored?: GroupVersionResource | undefined;
};

const root = '/registry/';

export function resourcePrefix(resource: Located): string {
  const located = resource.stored ?? resource;
  return `${root}${located.group === '' ? 'core' : located.group}/${located.resource}/`;
}

/** Keys are byte strings: what is not ASCII in a name goes in as UTF-8. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function objectKey(resource: Located, namespace: string | undefined, name: string): string {
  const scope = namespace === undefined ? '' : `${bytesOf(namespace)}/`;
  return `${resourcePrefix(resource)}${scope}${bytesOf(name)}`;
}

/** All objects of a resource, or those of one namespace. */
export function collectionRange(
  resource: Located,
  namespace: string | undefined,
): Required<KeyRange> & { end: string } {
  const key = namespace === undefined ? resourcePrefix(resource) : `${resourcePrefix(resource)}${bytesOf(namespace)}/`;
  return { key, end: prefixEnd(key) };
}
