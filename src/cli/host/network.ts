/**
 * The hosts of a cluster on one machine: a bridge, and for each host a network namespace joined to it. Level-based: what is there is kept,
 * what is missing is made, so that the same call repairs a half-made network and brings one back after a reboot.
 */
import { existsSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { addressAt, parseCidr } from '../cluster/cidr.ts';
import { type Cluster, ipv6AddressOf, type Member } from '../cluster/topology.ts';
import { run, tryRun } from './run.ts';
import { closeWayOut, forwardingFile, openWayOut, restoreForwarding } from './way-out.ts';

const namespaceDir = '/run/netns';
/** `f_type` of a file that is a namespace (NSFS_MAGIC). */
const namespaceFilesystem = 0x6e736673;

export function namespacePath(namespace: string): string {
  return join(namespaceDir, namespace);
}

export function namespaceExists(namespace: string): boolean {
  const path = namespacePath(namespace);
  return existsSync(path) && statfsSync(path).type === namespaceFilesystem;
}

/** Ranges that this machine's addresses and routes cover; the default route is left out. */
export async function occupiedRanges(): Promise<string[]> {
  const [addresses, routes] = await Promise.all([
    run('ip', ['-4', '-j', 'address']),
    run('ip', ['-4', '-j', 'route', 'show', 'table', 'all']),
  ]);
  const ranges: string[] = [];
  for (const link of JSON.parse(addresses || '[]') as { addr_info?: { local?: string; prefixlen?: number }[] }[]) {
    for (const info of link.addr_info ?? []) if (info.local) ranges.push(`${info.local}/${info.prefixlen ?? 32}`);
  }
  for (const route of JSON.parse(routes || '[]') as { dst?: string }[]) {
    if (route.dst && /^\d/.test(route.dst) && !route.dst.startsWith('0.0.0.0')) ranges.push(route.dst);
  }
  return ranges;
}

/** Members with a namespace of their own, one per namespace. */
function hosts(cluster: Cluster): Member[] {
  const byNamespace = new Map<string, Member>();
  for (const member of cluster.members) if (member.namespace) byNamespace.set(member.namespace, member);
  return [...byNamespace.values()];
}

export async function ensureNetwork(cluster: Cluster): Promise<void> {
  const { bridge, hostCidr } = cluster.network;
  if (!bridge || !hostCidr) return;
  const range = parseCidr(hostCidr);
  const interfaces = new Set(readdirSync('/sys/class/net'));
  const lines: string[] = [];
  if (!interfaces.has(bridge)) lines.push(`link add ${bridge} type bridge`);
  lines.push(`address replace ${addressAt(range, 1)}/${range.prefixLength} dev ${bridge}`, `link set ${bridge} up`);
  const gateway6 = ipv6AddressOf(cluster, addressAt(range, 1));
  if (gateway6) lines.push(`address replace ${gateway6}/64 dev ${bridge} nodad`);
  for (const host of hosts(cluster)) {
    if (namespaceExists(host.namespace!)) continue;
    if (existsSync(namespacePath(host.namespace!))) lines.push(`netns delete ${host.namespace}`);
    // The old pair led into a namespace that is gone.
    if (interfaces.delete(host.hostInterface!)) lines.push(`link delete ${host.hostInterface}`);
    lines.push(`netns add ${host.namespace}`);
  }
  for (const host of hosts(cluster)) {
    if (!interfaces.has(host.hostInterface!)) {
      lines.push(`link add ${host.hostInterface} type veth peer name eth0 netns ${host.namespace}`);
    }
    lines.push(`link set ${host.hostInterface} master ${bridge} up`);
  }
  await run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
  await Promise.all([...hosts(cluster).map((host) => configureHost(cluster, host)), openWayOut(bridge, hostCidr)]);
}

async function configureHost(cluster: Cluster, host: Member): Promise<void> {
  const range = parseCidr(cluster.network.hostCidr!);
  const gateway = addressAt(range, 1);
  const address6 = ipv6AddressOf(cluster, host.address);
  const lines = [
    'link set lo up',
    `address replace ${host.address}/${range.prefixLength} dev eth0`,
    'link set eth0 up',
    `route replace default via ${gateway}`,
    ...(address6
      ? [
          `address replace ${address6}/64 dev eth0 nodad`,
          `route replace default via ${ipv6AddressOf(cluster, gateway)}`,
        ]
      : []),
  ];
  // Pods are routed, not bridged: a worker forwards between them and the other workers.
  const script = `ip -batch - && echo 1 > ${forwardingFile}`;
  await run('nsenter', [`--net=${namespacePath(host.namespace!)}`, 'sh', '-c', script], `${lines.join('\n')}\n`);
}

/** Removes everything that {@link ensureNetwork} may have made; what is missing already is fine. */
export async function removeNetwork(cluster: Cluster): Promise<void> {
  const { bridge } = cluster.network;
  if (!bridge) return;
  await Promise.all([
    ...hosts(cluster).flatMap((host) => [removeLink(host.hostInterface!), removeNamespace(host.namespace!)]),
    removeLink(bridge),
    closeWayOut(bridge),
  ]);
  restoreForwarding();
}

/** Of one host that is no part of the cluster any more. */
export async function removeHost(host: Member): Promise<void> {
  if (!host.namespace) return;
  await Promise.all([removeLink(host.hostInterface!), removeNamespace(host.namespace)]);
}

async function removeLink(name: string): Promise<void> {
  if (!existsSync(`/sys/class/net/${name}`)) return;
  const result = await tryRun('ip', ['link', 'delete', name]);
  if (result.exitCode !== 0 && existsSync(`/sys/class/net/${name}`)) {
    throw new Error(`remove interface ${name}: ${result.stderr.trim()}`);
  }
}

export async function removeNamespace(name: string): Promise<void> {
  if (!existsSync(namespacePath(name))) return;
  const result = await tryRun('ip', ['netns', 'delete', name]);
  if (result.exitCode !== 0 && existsSync(namespacePath(name))) {
    throw new Error(`remove network namespace ${name}: ${result.stderr.trim()}`);
  }
}
