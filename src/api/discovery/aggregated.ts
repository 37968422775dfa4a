/** Aggregated discovery: every group, version and resource in one document. Versions v2 and v2beta1 have the same shape. */
import { type GroupVersion, groupVersions, type ServedResource } from './groups.ts';

export type AggregatedVersion = 'v2' | 'v2beta1';

/** As the Content-Type of the answer must say. */
export function aggregatedMediaType(version: AggregatedVersion): string {
  return `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}

/** `core`: the document at `/api`; else the one at `/apis`. */
export function aggregatedDiscovery(
  resources: readonly ServedResource[],
  version: AggregatedVersion,
  core: boolean,
): object {
  const groups = new Map<string, GroupVersion[]>();
  for (const groupVersion of groupVersions(resources)) {
    if ((groupVersion.group === '') !== core) continue;
    const list = groups.get(groupVersion.group) ?? [];
    groups.set(groupVersion.group, [...list, groupVersion]);
  }
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: [...groups].map(([name, versions]) => ({
      metadata: { ...(name !== '' && { name }), creationTimestamp: null },
      versions: versions.map((groupVersion) => ({
        version: groupVersion.version,
        resources: groupVersion.resources.map(describeResource),
        freshness: 'Current',
      })),
    })),
  };
}

function describeResource(resource: ServedResource): object {
  const { shortNames, categories, subresources } = resource;
  return {
    resource: resource.resource,
    responseKind: responseKind(resource, resource),
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(subresources.length > 0 && {
      subresources: subresources.map((subresource) => ({
        subresource: subresource.name,
        responseKind: responseKind(subresource.kind, resource),
        verbs: subresource.verbs,
      })),
    }),
  };
}

/** Group and version are empty where they are the parent's. */
function responseKind(
  kind: { readonly group: string; readonly version: string; readonly kind: string },
  parent: ServedResource,
): object {
  const same = kind.group === parent.group && kind.version === parent.version;
  return { group: same ? '' : kind.group, version: same ? '' : kind.version, kind: kind.kind };
}
