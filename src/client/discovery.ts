/** From what people type (`deploy`, `Pod`, `deployments.apps`) to a resource, by the server's aggregated discovery. */
import type { GroupVersionResource } from '../api/types.ts';

const accept =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList';

export interface DiscoveredResource extends GroupVersionResource {
  readonly kind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
}

/** `apidiscovery.k8s.io/v2`, as far as it is read here. */
interface GroupDiscoveryList {
  items?: {
    metadata?: { name?: string };
    versions?: {
      version: string;
      resources?: {
        resource: string;
        responseKind?: { kind?: string };
        singularResource?: string;
        shortNames?: string[];
        categories?: string[];
        scope?: string;
        verbs?: string[];
        subresources?: { subresource: string }[];
      }[];
    }[];
  }[];
}

/** In the server's order of preference: core first, a group's preferred version first. */
export function parseDiscovery(list: GroupDiscoveryList): DiscoveredResource[] {
  return (list.items ?? []).flatMap((group) =>
    (group.versions ?? []).flatMap(({ version, resources = [] }) =>
      resources.map((resource) => ({
        group: group.metadata?.name ?? '',
        version,
        resource: resource.resource,
        kind: resource.responseKind?.kind ?? '',
        singular: resource.singularResource ?? '',
        shortNames: resource.shortNames ?? [],
        categories: resource.categories ?? [],
        namespaced: resource.scope === 'Namespaced',
        verbs: resource.verbs ?? [],
        subresources: (resource.subresources ?? []).map(({ subresource }) => subresource),
      })),
    ),
  );
}

/** `get` fetches a path with an Accept header, such as `HttpClient.raw`. */
export async function discover(get: (path: string, accept: string) => Promise<string>): Promise<DiscoveredResource[]> {
  const [core, groups] = await Promise.all([get('/api', accept), get('/apis', accept)]);
  return [core, groups].flatMap((text) => parseDiscovery(JSON.parse(text) as GroupDiscoveryList));
}

/**
 * Finds by plural, singular, short name or kind, any case; `.group` or `.version.group` may follow (`deployments.v1.apps`).
 * A full name wins over a short name, an earlier group over a later one.
 */
export function findResource(all: readonly DiscoveredResource[], typed: string): DiscoveredResource | undefined {
  const [name = '', ...rest] = typed.toLowerCase().split('.');
  const suffix = rest.join('.');
  const inGroup = ({ group, version }: DiscoveredResource) =>
    suffix === '' || group === suffix || `${version}.${group}` === suffix;
  const candidates = all.filter(inGroup);
  return (
    candidates.find((one) => [one.resource, one.singular, one.kind.toLowerCase()].includes(name)) ??
    candidates.find((one) => one.shortNames.includes(name))
  );
}

/** By what a manifest says: apiVersion and kind. */
export function findKind(
  all: readonly DiscoveredResource[],
  apiVersion: string,
  kind: string,
): DiscoveredResource | undefined {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  return all.find((one) => one.group === group && one.version === version && one.kind === kind);
}
