/** What names need of the {@link NetworkView}, found without searching: slices by Service, and who has an address. Follows the view's changes. */
import { isIP } from 'node:net';
import type { Service } from '../api/generated/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../api/generated/types/discovery-v1.ts';
import { rangeContains } from '../network/range.ts';
import type { NetworkChange, NetworkView } from '../network/view.ts';
import { addressKey } from './address.ts';

const serviceLabel = 'kubernetes.io/service-name';

export class ServiceIndex {
  readonly #view: NetworkView;
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  /** Cluster addresses → `namespace/name`. */
  readonly #services = new Map<string, string>();
  /** Addresses of ready endpoints with a hostname → `hostname.name.namespace` per slice. */
  readonly #hosts = new Map<string, Map<string, string>>();

  constructor(view: NetworkView) {
    this.#view = view;
  }

  get complete(): boolean {
    return this.#view.complete;
  }

  /** Grows with every change that was taken in. */
  get revision(): bigint {
    return this.#view.revision;
  }

  apply(changes: readonly NetworkChange[]): void {
    for (const change of changes) {
      if (change.resource === 'services') this.#serviceChanged(change.key, change.old, change.object);
      else if (change.resource === 'endpointslices') this.#sliceChanged(change.key, change.old, change.object);
    }
  }

  hasNamespace(name: string): boolean {
    return this.#view.namespaces.has(name);
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#view.services.get(`${namespace}/${name}`);
  }

  slices(namespace: string, name: string): Iterable<EndpointSlice> {
    return this.#slices.get(`${namespace}/${name}`)?.values() ?? [];
  }

  /** `name.namespace` of the Service with this cluster address, or `hostname.name.namespace` of endpoints. */
  namesOf(address: string): string[] {
    const key = addressKey(address);
    const service = this.#services.get(key);
    if (service !== undefined) return [service.split('/').reverse().join('.')];
    return [...new Set(this.#hosts.get(key)?.values() ?? [])];
  }

  /** An address of this cluster's pods: whoever does not know its name need not be asked. */
  isPodAddress(address: string): boolean {
    for (const node of this.#view.nodes.values())
      if (node.spec?.podCIDRs?.some((range) => rangeContains(range, address))) return true;
    return false;
  }

  #serviceChanged(key: string, old: Service | undefined, service: Service | undefined): void {
    for (const address of clusterAddresses(old)) {
      const known = addressKey(address);
      if (this.#services.get(known) === key) this.#services.delete(known);
    }
    for (const address of clusterAddresses(service)) this.#services.set(addressKey(address), key);
  }

  #sliceChanged(key: string, old: EndpointSlice | undefined, slice: EndpointSlice | undefined): void {
    if (old) this.#removeSlice(key, old);
    const service = slice && serviceOf(slice);
    if (service === undefined) return;
    const slices = this.#slices.get(service) ?? new Map<string, EndpointSlice>();
    this.#slices.set(service, slices.set(key, slice!));
    for (const { endpoint, address } of addressesOf(slice!)) {
      if (!endpoint.hostname || !isReady(endpoint)) continue;
      const known = addressKey(address);
      const names = this.#hosts.get(known) ?? new Map<string, string>();
      this.#hosts.set(known, names.set(key, `${endpoint.hostname}.${service.split('/').reverse().join('.')}`));
    }
  }

  #removeSlice(key: string, slice: EndpointSlice): void {
    const service = serviceOf(slice);
    const slices = service === undefined ? undefined : this.#slices.get(service);
    slices?.delete(key);
    if (slices?.size === 0) this.#slices.delete(service!);
    for (const { address } of addressesOf(slice)) {
      const known = addressKey(address);
      const names = this.#hosts.get(known);
      names?.delete(key);
      if (names?.size === 0) this.#hosts.delete(known);
    }
  }
}

/** As consumers of EndpointSlices are to read them: unknown means ready. */
export function isReady(endpoint: Endpoint): boolean {
  return endpoint.conditions?.ready !== false;
}

export function clusterAddresses(service: Service | undefined): string[] {
  const { clusterIP, clusterIPs } = service?.spec ?? {};
  const addresses = clusterIPs ?? (clusterIP ? [clusterIP] : []);
  return addresses.filter((address) => isIP(address) !== 0);
}

function serviceOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.[serviceLabel];
  return name ? `${slice.metadata?.namespace}/${name}` : undefined;
}

function* addressesOf(slice: EndpointSlice) {
  for (const endpoint of slice.endpoints ?? []) for (const address of endpoint.addresses) yield { endpoint, address };
}
