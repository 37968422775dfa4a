/**
 * EndpointSlices: what is wanted is laid out over those present with as few writes as can be. An endpoint stays in the slice in which it is,
 * new ones go first into slices that change anyway, then into one that has room for all of them. Pure.
 */
import { canonicalJson } from '../../api/canonical-json.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import type { OwnerReference } from '../../api/generated/types/meta-v1.ts';
import { isDeleting } from '../shared/owners.ts';

/** Upstream's limit of endpoints in one slice. */
export const maxEndpointsPerSlice = 100;
export const serviceLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';

export type AddressType = 'IPv4' | 'IPv6';

export type Port = {
  readonly name?: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
};

/** Endpoints of one family that have the same ports. */
export interface SliceGroup {
  readonly addressType: AddressType;
  readonly ports: readonly Port[];
  readonly endpoints: readonly Endpoint[];
}

export interface SliceOwner {
  readonly namespace: string;
  /** Of the Service. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly reference: OwnerReference;
  /** A family for the empty slice that says that somebody has looked and found nobody. Absent: nothing is said. */
  readonly emptyFamily?: AddressType | undefined;
}

export interface SliceChanges {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly delete: readonly EndpointSlice[];
}

/** `present`: all slices of this owner. */
export function planSlices(
  present: readonly EndpointSlice[],
  groups: readonly SliceGroup[],
  owner: SliceOwner,
): SliceChanges {
  const usable = present.filter((slice) => !isDeleting(slice));
  const filled = groups.filter(({ endpoints }) => endpoints.length > 0);
  const wanted =
    filled.length > 0 || !owner.emptyFamily ? filled : [{ addressType: owner.emptyFamily, ports: [], endpoints: [] }];
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const free = new Set(usable);
  for (const group of wanted) {
    const mine = usable.filter((slice) => free.has(slice) && belongs(slice, group));
    for (const { slice, endpoints } of layOut(mine, group.endpoints)) {
      if (!slice) create.push(sliceOf(owner, group, endpoints));
      else if (endpoints.length > 0 || group.endpoints.length === 0) {
        free.delete(slice);
        const next = withContent(slice, owner, endpoints);
        if (content(next) !== content(slice)) update.push(next);
      }
    }
  }
  return { create, update, delete: [...free] };
}

interface Layout {
  /** Undefined: one to be made. */
  readonly slice: EndpointSlice | undefined;
  readonly endpoints: Endpoint[];
}

function layOut(slices: readonly EndpointSlice[], wanted: readonly Endpoint[]): Layout[] {
  if (wanted.length === 0) return [{ slice: slices[0], endpoints: [] }];
  const missing = new Map(wanted.map((endpoint) => [identity(endpoint), endpoint]));
  const layouts = slices.map((slice) => {
    let changed = false;
    const endpoints = (slice.endpoints ?? []).flatMap((endpoint) => {
      const next = missing.get(identity(endpoint));
      missing.delete(identity(endpoint));
      changed ||= !next || canonicalJson(next) !== canonicalJson(endpoint);
      return next ?? [];
    });
    return { slice, endpoints, changed };
  });
  const rest = [...missing.values()];
  const fill = (layout: Layout): void => {
    layout.endpoints.push(...rest.splice(0, maxEndpointsPerSlice - layout.endpoints.length));
  };
  for (const layout of layouts) if (layout.changed) fill(layout);
  const roomy = layouts
    .filter(({ endpoints }) => rest.length > 0 && endpoints.length + rest.length <= maxEndpointsPerSlice)
    .sort((a, b) => b.endpoints.length - a.endpoints.length)[0];
  if (roomy) fill(roomy);
  const all: Layout[] = layouts;
  while (rest.length > 0) all.push({ slice: undefined, endpoints: rest.splice(0, maxEndpointsPerSlice) });
  return all;
}

/** An address that another pod has got is another endpoint. */
function identity({ addresses, targetRef }: Endpoint): string {
  return `${addresses?.[0]} ${targetRef?.uid ?? ''}`;
}

function belongs(slice: EndpointSlice, group: SliceGroup): boolean {
  return slice.addressType === group.addressType && portsId(slice.ports ?? []) === portsId(group.ports);
}

/** As the API stores them: a port without a name has the empty one. */
function portsId(ports: readonly EndpointPort[]): string {
  return canonicalJson(ports.map(({ name = '', protocol = 'TCP', ...port }) => ({ ...port, name, protocol })));
}

function content({ endpoints, metadata }: EndpointSlice): string {
  return canonicalJson({
    endpoints: endpoints ?? [],
    labels: metadata?.labels ?? {},
    annotations: metadata?.annotations ?? {},
  });
}

function withContent(slice: EndpointSlice, owner: SliceOwner, endpoints: Endpoint[]): EndpointSlice {
  const { labels, annotations } = metadataOf(owner);
  const { annotations: _, ...metadata } = slice.metadata ?? {};
  return { ...slice, metadata: { ...metadata, labels, ...(annotations && { annotations }) }, endpoints };
}

function metadataOf({ name, labels, annotations }: SliceOwner) {
  return { labels: { ...labels, [serviceLabel]: name }, ...(annotations && { annotations: { ...annotations } }) };
}

function sliceOf(owner: SliceOwner, { addressType, ports }: SliceGroup, endpoints: Endpoint[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${owner.name}-`,
      namespace: owner.namespace,
      ...metadataOf(owner),
      ownerReferences: [owner.reference],
    },
    addressType,
    endpoints,
    ports: [...ports],
  };
}
