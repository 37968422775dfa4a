/**
 * What a cluster on this machine consists of: members, addresses, ports, names. Planned once by a pure function, then kept in
 * `cluster.json`; every name on the machine derives from the cluster's id, so that clusters never collide.
 */
import type { ApiServerConfig, BackupConfig } from '../../server/config.ts';
import { addressAt, type Cidr, formatCidr, overlap, parseCidr } from './cidr.ts';

export type MemberKind = 'lb' | 'master' | 'containerd' | 'agent';
/** Real containers in network namespaces, or nodes that only report. */
export type RuntimeKind = 'containerd' | 'hollow';

export interface Member {
  readonly name: string;
  readonly kind: MemberKind;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  /** Absent: the host's own. */
  readonly namespace?: string;
  /** Host end of the pair that joins the namespace to the bridge; at most 15 characters. */
  readonly hostInterface?: string;
  /** Masters: id in the Raft group. */
  readonly memberId?: number;
  /** containerd, and the agent that drives it: name of the worker. */
  readonly worker?: string;
  /** Agents that only report: how many nodes they play. */
  readonly hollowNodes?: number;
}

export interface Cluster {
  readonly version: 1;
  /** Six hexadecimal digits. */
  readonly id: string;
  /** Goes up by one when the cluster is recovered or restored; absent: 1. */
  readonly epoch?: number;
  /** The highest member id that was ever given: none is used twice. */
  readonly lastMemberId?: number;
  /** It has worked once: a master without data is one that lost it, and not one that begins. */
  readonly formed?: boolean;
  readonly runtime: RuntimeKind;
  readonly network: {
    /** Absent where everything is on 127.0.0.1. */
    readonly hostCidr?: string;
    readonly bridge?: string;
    readonly podCidr: string;
    readonly nodeCidrMaskSize: number;
    readonly serviceCidr: string;
    /** Dual stack: what pods, Services and hosts have beside IPv4. */
    readonly ipv6?: { readonly hostCidr: string; readonly podCidr: string; readonly serviceCidr: string };
    readonly clusterDomain: string;
  };
  readonly nodeLifecycle?: { readonly graceMs?: number; readonly evictionMs?: number };
  /** Between two rounds of a master's search for damage in its own data. */
  readonly scrubPauseMs?: number;
  /** The leader makes backups by itself. */
  readonly backup?: BackupConfig;
  /** As in the masters' configuration; paths are absolute. */
  readonly apiServer?: ApiServerConfig;
  readonly disable?: readonly string[];
  readonly members: readonly Member[];
}

export const ipFamilies = ['ipv4', 'dual'] as const;
export type IpFamilies = (typeof ipFamilies)[number];

export interface TopologyRequest {
  /** Hash of the cluster's folder, hexadecimal, at least 14 digits. */
  readonly hash: string;
  readonly masters: number;
  readonly workers: number;
  readonly hollow: number;
  readonly runtime: RuntimeKind;
  /** Ranges that this machine uses already, as its addresses and routes say. */
  readonly occupied: readonly string[];
  /** Runtime hollow: whether every port of a block is free on 127.0.0.1. */
  readonly ipFamily?: IpFamilies | undefined;
  readonly isFree?: (firstPort: number, count: number) => boolean;
  readonly nodeLifecycle?: Cluster['nodeLifecycle'];
  readonly backup?: Cluster['backup'];
  readonly scrubPauseMs?: number | undefined;
  readonly disable?: Cluster['disable'] | undefined;
  readonly apiServer?: Cluster['apiServer'] | undefined;
}

export const limits = { masters: 7, workers: 99, hollow: 5_000 } as const;
const serviceCidr = '10.96.0.0/16';
const clusterDomain = 'cluster.local';
const hostRanges = { start: parseCidr('10.64.0.0/10'), count: 2 ** 14 };
const podRanges = { start: parseCidr('10.128.0.0/9'), count: 127 };
/** A wider route (a VPN's 10.0.0.0/8) may stay: our range is more specific and wins. */
const narrowestIgnoredPrefix = 15;
/** Where listeners on 127.0.0.1 are planned: below the ports that Linux gives to outgoing connections. */
export const portBlocks = { start: 10_240, count: 80, size: 256 } as const;
export const masterPorts = { api: 6443, grpc: 6444, raft: 6445, etcd: 2379 } as const;

/** @throws RangeError when a number is out of bounds or no free range is left. */
export function planCluster(request: TopologyRequest): Cluster {
  checkCount('masters', request.masters, 1, limits.masters);
  checkCount('workers', request.workers, 0, limits.workers);
  checkCount('hollow', request.hollow, 0, limits.hollow);
  const id = request.hash.slice(0, 6);
  const occupied = request.occupied.map(parseCidr).filter((cidr) => cidr.prefixLength > narrowestIgnoredPrefix);
  const pods = freeRange(podRanges, 16, Number.parseInt(request.hash.slice(6, 10), 16), occupied);
  const common = {
    version: 1 as const,
    id,
    runtime: request.runtime,
    ...(request.nodeLifecycle && { nodeLifecycle: request.nodeLifecycle }),
    ...(request.backup && { backup: request.backup }),
    ...(request.apiServer && { apiServer: request.apiServer }),
    ...(request.disable && { disable: request.disable }),
    ...(request.scrubPauseMs !== undefined && { scrubPauseMs: request.scrubPauseMs }),
  };
  const ipv6 = request.ipFamily === 'dual' ? { ipv6: ranges6(request.hash) } : {};
  const network = { podCidr: formatCidr(pods), nodeCidrMaskSize: 24, serviceCidr, clusterDomain, ...ipv6 };
  const seed = Number.parseInt(request.hash.slice(10, 14), 16);
  if (request.runtime === 'hollow') return { ...common, network, members: planLoopback(request, seed) };
  const host = freeRange(hostRanges, 24, seed, [...occupied, parseCidr(serviceCidr)]);
  const bridge = `tm${id}`;
  return {
    ...common,
    network: { hostCidr: formatCidr(host), bridge, ...network },
    members: planNamespaces(request, id, bridge, host),
  };
}

/** Unique local addresses (RFC 4193) that nobody else has, by the cluster's hash. */
function ranges6(hash: string): NonNullable<Cluster['network']['ipv6']> {
  const prefix = `fd${hash.slice(0, 2)}:${hash.slice(2, 6)}:${hash.slice(6, 10)}`;
  return { hostCidr: `${prefix}:1::/64`, podCidr: `${prefix}:8000::/49`, serviceCidr: `${prefix}:2::/108` };
}

/** What a host has beside its IPv4 address: the same last number. */
export function ipv6AddressOf({ network }: Cluster, address: string): string | undefined {
  if (!network.ipv6) return undefined;
  const number = Number(address.split('.').at(-1));
  return network.ipv6.hostCidr.replace('::/64', `::${number.toString(16)}`);
}

function planNamespaces(request: TopologyRequest, id: string, bridge: string, host: Cidr): Member[] {
  const members: Member[] = [{ name: 'lb', kind: 'lb', address: addressAt(host, 1), ports: { api: 6443 } }];
  const place = (name: string, suffix: string) => ({
    namespace: `tm-${id}-${name}`,
    hostInterface: `${bridge}${suffix}`,
  });
  for (let n = 1; n <= request.masters; n++) {
    const name = `master-${n}`;
    const address = addressAt(host, 10 + n);
    members.push({ name, kind: 'master', memberId: n, address, ports: masterPorts, ...place(name, `m${n}`) });
  }
  for (let n = 1; n <= request.workers; n++) {
    const worker = `worker-${n}`;
    const where = { worker, address: addressAt(host, 100 + n), ...place(worker, `w${n}`) };
    members.push({ name: `${worker}-containerd`, kind: 'containerd', ports: {}, ...where });
    members.push({ name: worker, kind: 'agent', ports: { https: 10250 }, ...where });
  }
  if (request.hollow > 0) {
    const address = addressAt(host, 201);
    const where = { address, ports: { https: 10250 }, ...place('hollow', 'h') };
    members.push({ name: 'hollow', kind: 'agent', hollowNodes: request.hollow, ...where });
  }
  return members;
}

/** Everything on 127.0.0.1, in a block of ports of its own. */
function planLoopback(request: TopologyRequest, seed: number): Member[] {
  const address = '127.0.0.1';
  const isFree = request.isFree ?? (() => true);
  let base: number | undefined;
  for (let attempt = 0; attempt < portBlocks.count && base === undefined; attempt++) {
    const candidate = portBlocks.start + ((seed + attempt) % portBlocks.count) * portBlocks.size;
    if (isFree(candidate, portBlocks.size)) base = candidate;
  }
  if (base === undefined) throw new RangeError('no free block of ports is left on 127.0.0.1');
  const members: Member[] = [{ name: 'lb', kind: 'lb', address, ports: { api: base } }];
  for (let n = 1; n <= request.masters; n++) {
    const first = base + n * 4;
    const ports = { api: first, grpc: first + 1, raft: first + 2, etcd: first + 3 };
    members.push({ name: `master-${n}`, kind: 'master', memberId: n, address, ports });
  }
  for (let n = 1; n <= request.workers; n++) {
    const worker = `worker-${n}`;
    members.push({ name: worker, kind: 'agent', worker, hollowNodes: 1, address, ports: { https: base + 100 + n } });
  }
  if (request.hollow > 0) {
    members.push({ name: 'hollow', kind: 'agent', hollowNodes: request.hollow, address, ports: { https: base + 250 } });
  }
  return members;
}

function freeRange(
  ranges: { readonly start: Cidr; readonly count: number },
  prefixLength: number,
  seed: number,
  occupied: readonly Cidr[],
): Cidr {
  const size = 2 ** (32 - prefixLength);
  for (let attempt = 0; attempt < ranges.count; attempt++) {
    const base = ranges.start.base + ((seed + attempt) % ranges.count) * size;
    const candidate = { base, prefixLength };
    if (!occupied.some((other) => overlap(candidate, other))) return candidate;
  }
  throw new RangeError(`no free /${prefixLength} is left in ${formatCidr(ranges.start)}`);
}

function checkCount(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`--${name} ${value}: expected a whole number from ${low} to ${high}`);
  }
}

/** Names of the nodes that an agent registers. */
export function nodeNames(member: Member): string[] {
  const count = member.hollowNodes ?? 1;
  if (count === 1) return [member.name];
  return Array.from({ length: count }, (_, index) => `${member.name}-${index + 1}`);
}

export function membersOfKind(cluster: Cluster, kind: MemberKind): Member[] {
  return cluster.members.filter((member) => member.kind === kind);
}

/** host:port of one of a member's listeners. */
export function endpoint(member: Member, port: string): string {
  const number = member.ports[port];
  if (number === undefined) throw new RangeError(`member ${member.name} has no port named ${port}`);
  return `${member.address}:${number}`;
}
