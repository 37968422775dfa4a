/** What discovery and OpenAPI need to know of a resource, and resources by group-version. */
import type { ResourceDefinition } from '../definition.ts';
import { apiVersionOf } from '../types.ts';

/** Stored kinds, and those that only answer questions (access reviews). */
export type ServedResource = Pick<
  ResourceDefinition,
  | 'group'
  | 'version'
  | 'resource'
  | 'kind'
  | 'listKind'
  | 'singular'
  | 'shortNames'
  | 'categories'
  | 'namespaced'
  | 'schema'
  | 'verbs'
  | 'subresources'
>;

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string;
  /** Sorted by name. */
  readonly resources: readonly ServedResource[];
}

/** Sorted by group, the core group first; within a group in the order given (the first version is preferred). */
export function groupVersions(resources: readonly ServedResource[]): GroupVersion[] {
  const byVersion = new Map<string, ServedResource[]>();
  for (const resource of resources) {
    const key = apiVersionOf(resource);
    const list = byVersion.get(key);
    if (list) list.push(resource);
    else byVersion.set(key, [resource]);
  }
  return [...byVersion]
    .map(([apiVersion, list]) => ({
      group: list[0]!.group,
      version: list[0]!.version,
      apiVersion,
      resources: list.sort((a, b) => (a.resource < b.resource ? -1 : 1)),
    }))
    .sort((a, b) => (a.group === b.group ? 0 : a.group < b.group ? -1 : 1));
}

/** `/api/v1`, `/apis/apps/v1`. */
export function groupVersionPath(gv: { readonly group: string; readonly version: string }): string {
  return gv.group === '' ? `/api/${gv.version}` : `/apis/${gv.group}/${gv.version}`;
}
