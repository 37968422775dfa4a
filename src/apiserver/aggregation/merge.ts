/** Discovery and OpenAPI documents with what aggregated API servers add. Pure. */
import type { RemoteService } from './remote-services.ts';

interface GroupDocument {
  readonly name: string;
  readonly versions: readonly { readonly groupVersion: string; readonly version: string }[];
  readonly preferredVersion?: object;
}

/** Of `/apis`, plain. */
export function mergeGroupList(document: object, remotes: readonly RemoteService[]): object {
  const { groups = [] } = document as { groups?: readonly GroupDocument[] };
  const merged = groups.map((group) => mergeGroup(group, remotes) as GroupDocument);
  const known = new Set(groups.map(({ name }) => name));
  const added = [...new Set(remotes.map(({ group }) => group))].filter((group) => !known.has(group));
  return { ...document, groups: [...merged, ...added.map((name) => mergeGroup({ name, versions: [] }, remotes))] };
}

/** Of `/apis/GROUP`; undefined when nobody has it. */
export function mergeGroupDocument(
  document: object | undefined,
  name: string,
  remotes: readonly RemoteService[],
): object | undefined {
  if (!remotes.some(({ group }) => group === name)) return document;
  const empty = { kind: 'APIGroup', apiVersion: 'v1', name, versions: [] };
  return mergeGroup((document ?? empty) as GroupDocument, remotes);
}

function mergeGroup(group: GroupDocument, remotes: readonly RemoteService[]): object {
  const versions = remotes
    .filter((remote) => remote.group === group.name)
    .map(({ version }) => ({ groupVersion: `${group.name}/${version}`, version }));
  const all = [...group.versions, ...versions];
  return { ...group, versions: all, preferredVersion: group.preferredVersion ?? all[0] };
}

export interface DiscoveredVersion {
  readonly version: string;
  readonly resources?: readonly object[] | undefined;
  readonly freshness: 'Current' | 'Stale';
}

/** Of the aggregated form; `versionOf` is what the remote says of itself. */
export function mergeAggregated(
  document: object,
  remotes: readonly RemoteService[],
  versionOf: (remote: RemoteService) => DiscoveredVersion,
): object {
  type Item = { readonly metadata: { readonly name?: string }; readonly versions: readonly object[] };
  const { items = [] } = document as { items?: readonly Item[] };
  const versionsOf = (name: string | undefined) => remotes.filter(({ group }) => group === name).map(versionOf);
  const merged = items.map((item) => {
    const added = versionsOf(item.metadata.name);
    return added.length > 0 ? { ...item, versions: [...item.versions, ...added] } : item;
  });
  const known = new Set(items.map(({ metadata }) => metadata.name));
  const names = [...new Set(remotes.map(({ group }) => group))].filter((group) => !known.has(group));
  const added = names.map((name) => ({ metadata: { name, creationTimestamp: null }, versions: versionsOf(name) }));
  return { ...document, items: [...merged, ...added] };
}

/** A plain APIResourceList in the aggregated form. */
export function fromResourceList(list: object, group: string, version: string): object[] {
  type Entry = {
    name: string;
    kind: string;
    namespaced?: boolean;
    singularName?: string;
    verbs?: string[];
    shortNames?: string[];
    categories?: string[];
    group?: string;
    version?: string;
  };
  const entries = ((list as { resources?: Entry[] }).resources ?? []) as Entry[];
  const kindOf = (entry: Entry) => ({
    group: entry.group ?? group,
    version: entry.version ?? version,
    kind: entry.kind,
  });
  const common = (entry: Entry) => ({ responseKind: kindOf(entry), verbs: entry.verbs ?? [] });
  return entries
    .filter(({ name }) => !name.includes('/'))
    .map((entry) => {
      const prefix = `${entry.name}/`;
      const subresources = entries
        .filter(({ name }) => name.startsWith(prefix))
        .map((one) => ({ subresource: one.name.slice(prefix.length), ...common(one) }));
      return {
        resource: entry.name,
        ...common(entry),
        scope: entry.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: entry.singularName ?? '',
        ...(entry.shortNames && { shortNames: entry.shortNames }),
        ...(entry.categories && { categories: entry.categories }),
        ...(subresources.length > 0 && { subresources }),
      };
    });
}

/** Of `/openapi/v3`: paths of the group-versions that the remotes answer, from their own indexes. */
export function mergeOpenApiIndex(document: object, indexes: ReadonlyMap<RemoteService, object>): object {
  const { paths = {} } = document as { paths?: Record<string, object> };
  const added = [...indexes].flatMap(([{ group, version }, index]) => {
    const key = `apis/${group}/${version}`;
    const entry = (index as { paths?: Record<string, object> }).paths?.[key];
    return entry ? [[key, entry] as const] : [];
  });
  return { ...document, paths: { ...paths, ...Object.fromEntries(added) } };
}
