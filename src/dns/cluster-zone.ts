/**
 * What the cluster's own names mean: the Kubernetes DNS-Based Service Discovery specification 1.1.0, and where that leaves a choice what CoreDNS
 * does. Pure but for the index it reads.
 */
import { isIPv6 } from 'node:net';
import type { Service } from '../api/generated/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../api/generated/types/discovery-v1.ts';
import { dashedAddress, reverseAddress, toDashes } from './address.ts';
import { maxAnswers, clusterTtlSeconds as ttl } from './limits.ts';
import { before, type Labels, labelsOf } from './name.ts';
import { rcodes, types } from './query.ts';
import type { DnsRecord } from './response.ts';
import { clusterAddresses, isReady, type ServiceIndex } from './service-index.ts';

const specification = '1.1.0';

export interface ZoneAnswer {
  readonly rcode: number;
  readonly answers: readonly DnsRecord[];
  readonly additional?: readonly DnsRecord[];
  /** The answer is a CNAME: ask for this. */
  readonly alias?: string;
}

export interface ClusterZoneOptions {
  /** For example `cluster.local`. */
  readonly domain: string;
  /** Where the DNS itself is found. */
  readonly addresses: readonly string[];
  readonly index: ServiceIndex;
}

const noName: ZoneAnswer = { rcode: rcodes.NXDOMAIN, answers: [] };
const noData: ZoneAnswer = { rcode: rcodes.NOERROR, answers: [] };

export class ClusterZone {
  readonly #options: ClusterZoneOptions;
  readonly #zone: Labels;

  constructor(options: ClusterZoneOptions) {
    this.#options = options;
    this.#zone = labelsOf(options.domain);
  }

  /** Undefined: not a name of the cluster's; somebody else may know it. */
  lookUp(labels: Labels, type: number): ZoneAnswer | undefined {
    const inside = before(labels, this.#zone);
    if (inside) return this.#inZone(inside, type);
    const address = reverseAddress(labels);
    return address === undefined ? undefined : this.#reverse(address, type);
  }

  /** Goes with negative answers: who says so, and how long it may be believed. */
  soa(name?: string): DnsRecord {
    const { domain, index } = this.#options;
    const data = {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: Number(index.revision & 0xffff_ffffn),
      refresh: 7_200,
      retry: 1_800,
      expire: 86_400,
      minimum: ttl,
    };
    return { type: 'SOA', ttl, data, ...(name !== undefined && { name }) };
  }

  get domain(): string {
    return this.#options.domain;
  }

  #inZone(inside: Labels, type: number): ZoneAnswer {
    const kind = inside.at(-1);
    if (kind === undefined) return this.#apex(type);
    if (kind === 'svc') return this.#service(inside.slice(0, -1), type);
    if (kind === 'pod') return this.#pod(inside.slice(0, -1), type);
    if (inside.length === 1 && kind === 'dns-version') {
      return type === types.TXT ? found([{ type: 'TXT', ttl, data: specification }]) : noData;
    }
    if (kind !== 'dns') return noName;
    if (inside.length === 1) return noData;
    return inside.length === 2 && inside[0] === 'ns' ? addressAnswer(this.#options.addresses, type) : noName;
  }

  #apex(type: number): ZoneAnswer {
    const { domain, addresses } = this.#options;
    if (type === types.SOA) return found([this.soa()]);
    if (type !== types.NS) return noData;
    const data = `ns.dns.${domain}`;
    return { ...found([{ type: 'NS', ttl, data }]), additional: addresses.map((address) => record(address, data)) };
  }

  /** `1-2-3-4.namespace`: whatever the address, as kubeadm's clusters do it. */
  #pod(labels: Labels, type: number): ZoneAnswer {
    const namespace = labels.at(-1);
    if (namespace === undefined) return noData;
    if (labels.length > 2 || !this.#options.index.hasNamespace(namespace)) return noName;
    if (labels.length === 1) return noData;
    const address = dashedAddress(labels[0]!);
    return address === undefined ? noName : addressAnswer([address], type);
  }

  #service(labels: Labels, type: number): ZoneAnswer {
    const { index } = this.#options;
    const namespace = labels.at(-1);
    if (namespace === undefined) return noData;
    if (!index.hasNamespace(namespace)) return noName;
    const name = labels.at(-2);
    if (name === undefined) return noData;
    const service = index.service(namespace, name);
    if (!service) return noName;
    const inner = labels.slice(0, -2);
    if (service.spec?.type === 'ExternalName') return inner.length > 0 ? noName : externalName(service);
    const endpoints = () => [...readyEndpoints(index.slices(namespace, name))];
    const host = `${name}.${namespace}.svc.${this.#options.domain}`;
    if (inner.length === 0) return plainService(service, endpoints, host, type);
    if (inner[0]!.startsWith('_')) return servicePort(service, endpoints, host, inner, type);
    if (inner.length > 1) return noName;
    const named = endpoints().filter((endpoint) => hostnameOf(endpoint) === inner[0]);
    if (named.length === 0) return noName;
    if (type === types.SRV) return srvAnswer(named, host, () => true);
    return addressAnswer(
      named.map(({ address }) => address),
      type,
    );
  }

  #reverse(address: string, type: number): ZoneAnswer | undefined {
    const { index, domain } = this.#options;
    const names = index.namesOf(address);
    if (names.length === 0) return index.isPodAddress(address) ? noName : undefined;
    if (type !== types.PTR) return noData;
    return found(names.map((name) => ({ type: 'PTR', ttl, data: `${name}.svc.${domain}` })));
  }
}

interface ReadyEndpoint {
  readonly address: string;
  readonly endpoint: Endpoint;
  readonly slice: EndpointSlice;
}

function* readyEndpoints(slices: Iterable<EndpointSlice>): Generator<ReadyEndpoint> {
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (isReady(endpoint)) for (const address of endpoint.addresses) yield { address, endpoint, slice };
    }
  }
}

function hostnameOf({ endpoint, address }: ReadyEndpoint): string {
  return endpoint.hostname ?? toDashes(address);
}

function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None';
}

function plainService(service: Service, endpoints: () => ReadyEndpoint[], host: string, type: number): ZoneAnswer {
  if (isHeadless(service)) {
    const ready = endpoints();
    if (ready.length === 0) return noName;
    if (type === types.SRV) return srvAnswer(ready, host, () => true);
    return addressAnswer([...new Set(ready.map(({ address }) => address))], type);
  }
  const addresses = clusterAddresses(service);
  if (addresses.length === 0) return noName;
  // What Go's LookupSRV asks for with an empty service and protocol.
  if (type === types.SRV) return clusterSrv(service, addresses, host, () => true);
  return addressAnswer(addresses, type);
}

/** `_port._protocol`, and `_protocol` alone, below which there are names. */
function servicePort(
  service: Service,
  endpoints: () => ReadyEndpoint[],
  host: string,
  inner: Labels,
  type: number,
): ZoneAnswer {
  const protocol = inner.at(-1)!.slice(1);
  const port = inner.length === 2 ? inner[0]!.slice(1) : undefined;
  if (inner.length > 2 || !inner.every((label) => label.startsWith('_'))) return noName;
  const matches = (candidate: { name?: string | undefined; protocol?: string | undefined }) =>
    Boolean(candidate.name) &&
    (candidate.protocol ?? 'TCP').toLowerCase() === protocol &&
    (port === undefined || candidate.name === port);
  const answer = isHeadless(service)
    ? srvAnswer(endpoints(), host, matches)
    : clusterSrv(service, clusterAddresses(service), host, matches);
  if (answer.answers.length === 0) return noName;
  return port !== undefined && type === types.SRV ? answer : noData;
}

type PortFilter = (port: { name?: string | undefined; protocol?: string | undefined }) => boolean;

function clusterSrv(service: Service, addresses: readonly string[], host: string, matches: PortFilter): ZoneAnswer {
  const ports = (service.spec?.ports ?? []).filter(matches);
  if (addresses.length === 0) return noName;
  const weight = weightOf(ports.length);
  const answers = ports.map(
    ({ port }): DnsRecord => ({ type: 'SRV', ttl, data: { priority: 0, weight, port, target: host } }),
  );
  return { ...found(answers), additional: addresses.map((address) => record(address, host)) };
}

function srvAnswer(endpoints: readonly ReadyEndpoint[], host: string, matches: PortFilter): ZoneAnswer {
  const targets = new Map<string, { readonly target: string; readonly port: number }>();
  const additional = new Map<string, DnsRecord>();
  for (const ready of endpoints) {
    const target = `${hostnameOf(ready)}.${host}`;
    for (const port of ready.slice.ports ?? []) {
      if (port.port === undefined || !matches(port)) continue;
      targets.set(`${target}:${port.port}`, { target, port: port.port });
      additional.set(`${target}/${ready.address}`, record(ready.address, target));
    }
    if (targets.size >= maxAnswers) break;
  }
  const weight = weightOf(targets.size);
  const answers = [...targets.values()].map(
    ({ target, port }): DnsRecord => ({ type: 'SRV', ttl, data: { priority: 0, weight, port, target } }),
  );
  return { ...found(answers), additional: [...additional.values()] };
}

function weightOf(count: number): number {
  return Math.max(1, Math.floor(100 / Math.max(1, count)));
}

function externalName(service: Service): ZoneAnswer {
  const target = service.spec?.externalName?.replace(/\.$/, '');
  if (!target) return noName;
  return { ...found([{ type: 'CNAME', ttl, data: target }]), alias: target };
}

function addressAnswer(addresses: readonly string[], type: number): ZoneAnswer {
  if (type !== types.A && type !== types.AAAA) return noData;
  const wanted = addresses.filter((address) => isIPv6(address) === (type === types.AAAA));
  return found(wanted.slice(0, maxAnswers).map((address) => record(address)));
}

function record(address: string, name?: string): DnsRecord {
  return { type: isIPv6(address) ? 'AAAA' : 'A', ttl, data: address, ...(name !== undefined && { name }) };
}

function found(answers: readonly DnsRecord[]): ZoneAnswer {
  return { rcode: rcodes.NOERROR, answers };
}
