/** Discovery as it was before aggregation, one document per path; `kubectl drain` and `auth can-i` still read it. */
import { type GroupVersion, groupVersions, type ServedResource } from './groups.ts';

/** At `/api`. `serverAddress` is host and port as clients reach it. */
export function apiVersions(serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** At `/apis`. */
export function apiGroupList(resources: readonly ServedResource[]): object {
  const names = new Set(groupVersions(resources).map((groupVersion) => groupVersion.group));
  names.delete('');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...names].map((name) => group(resources, name)) };
}

/** At `/apis/GROUP`; undefined when there is no such group. */
export function apiGroup(resources: readonly ServedResource[], name: string): object | undefined {
  if (name === '' || !resources.some((resource) => resource.group === name)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...group(resources, name) };
}

/** At `/api/v1` and `/apis/GROUP/VERSION`; undefined when there is no such group-version. */
export function apiResourceList(
  resources: readonly ServedResource[],
  groupName: string,
  version: string,
): object | undefined {
  const found = groupVersions(resources).find((item) => item.group === groupName && item.version === version);
  if (!found) return undefined;
  return {
    kind: 'APIResourceList',
    ...(groupName !== '' && { apiVersion: 'v1' }),
    groupVersion: found.apiVersion,
    resources: found.resources.flatMap((resource) => entries(resource)),
  };
}

function group(
  resources: readonly ServedResource[],
  name: string,
): { name: string; versions: object[]; preferredVersion: object } {
  const versions = groupVersions(resources)
    .filter((item) => item.group === name)
    .map((item: GroupVersion) => ({ groupVersion: item.apiVersion, version: item.version }));
  return { name, versions, preferredVersion: versions[0]! };
}

function entries(resource: ServedResource): object[] {
  const { namespaced, shortNames, categories } = resource;
  const main = {
    name: resource.resource,
    singularName: resource.singular,
    namespaced,
    kind: resource.kind,
    verbs: resource.verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
  };
  const others = resource.subresources.map(({ name, kind, verbs }) => ({
    name: `${resource.resource}/${name}`,
    singularName: '',
    namespaced,
    ...((kind.group !== resource.group || kind.version !== resource.version) && {
      group: kind.group,
      version: kind.version,
    }),
    kind: kind.kind,
    verbs,
  }));
  return [main, ...others];
}
