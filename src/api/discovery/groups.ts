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
  | 'custom'
>;

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string;
  /** Sorted by name. */
  readonly resources: readonly ServedResource[];
}

/** The order in which Kubernetes prefers its own groups; it decides which of two resources of one name a client means. Others follow by name. */
const groupOrder = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io',
];

function compareGroups(a: string, b: string): number {
  if (a === b) return 0;
  const [first, second] = [groupOrder.indexOf(a), groupOrder.indexOf(b)];
  if (first >= 0 && second >= 0) return first - second;
  if (first >= 0 || second >= 0) return first >= 0 ? -1 : 1;
  return a < b ? -1 : 1;
}

const versionPattern = /^v(\d+)(?:(alpha|beta)(\d+))?$/;

/** Stable before beta before alpha, newer before older, what is no such version last and by name. */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [versionPattern.exec(a), versionPattern.exec(b)];
  if (!first || !second) return first ? -1 : second ? 1 : a < b ? -1 : a > b ? 1 : 0;
  const rank = (stage: string | undefined) => (stage === undefined ? 2 : stage === 'beta' ? 1 : 0);
  return (
    rank(second[2]) - rank(first[2]) ||
    Number(second[1]) - Number(first[1]) ||
    Number(second[3] ?? 0) - Number(first[3] ?? 0)
  );
}

/** In the order in which clients prefer them: of groups as above, of a group's versions the newest stable one first. */
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
    .sort((a, b) => compareGroups(a.group, b.group) || compareVersions(a.version, b.version));
}

/** `/api/v1`, `/apis/apps/v1`. */
export function groupVersionPath(gv: { readonly group: string; readonly version: string }): string {
  return gv.group === '' ? `/api/${gv.version}` : `/apis/${gv.group}/${gv.version}`;
}
