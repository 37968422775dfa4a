/** A cluster with one master more or less. Pure: what is planned is saved and made by others. */
import { addressAt, parseCidr } from './cidr.ts';
import { type Cluster, limits, type Member, masterPorts, membersOfKind } from './topology.ts';

/** Masters' addresses are .11 to .99 of the range; workers begin at .101. */
const masterSlots = 89;

export interface Grown {
  readonly cluster: Cluster;
  readonly master: Member;
}

/** @throws RangeError when there are as many as there may be, or the name is taken */
export function withNewMaster(cluster: Cluster, name?: string): Grown {
  const masters = membersOfKind(cluster, 'master');
  // One more than the limit for a moment: a replacement comes before the old one goes.
  if (masters.length > limits.masters) throw new RangeError(`a cluster has at most ${limits.masters} masters`);
  const memberId = Math.max(cluster.lastMemberId ?? 0, ...masters.map((master) => master.memberId!)) + 1;
  const chosen = name ?? `master-${memberId}`;
  if (!/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/.test(chosen))
    throw new RangeError(`"${chosen}" cannot name a master: use lower-case letters, digits and "-"`);
  if (cluster.members.some((member) => member.name === chosen)) throw new RangeError(`"${chosen}" is taken`);
  const where = cluster.network.hostCidr ? inNamespace(cluster, masters, chosen) : onLoopback(cluster, masters);
  const master: Member = { name: chosen, kind: 'master', memberId, ...where };
  const position = cluster.members.findLastIndex((member) => member.kind === 'master') + 1;
  const members = cluster.members.toSpliced(position, 0, master);
  return { cluster: { ...cluster, lastMemberId: memberId, members }, master };
}

export function withoutMaster(cluster: Cluster, name: string): Cluster {
  const lastMemberId = Math.max(
    cluster.lastMemberId ?? 0,
    ...membersOfKind(cluster, 'master').map((master) => master.memberId!),
  );
  return { ...cluster, lastMemberId, members: cluster.members.filter((member) => member.name !== name) };
}

function inNamespace(cluster: Cluster, masters: readonly Member[], name: string) {
  const range = parseCidr(cluster.network.hostCidr!);
  const taken = new Set(masters.map(({ address }) => address));
  for (let slot = 1; slot <= masterSlots; slot++) {
    const address = addressAt(range, 10 + slot);
    if (taken.has(address)) continue;
    const hostInterface = `${cluster.network.bridge}m${slot}`;
    return { address, ports: masterPorts, namespace: `tm-${cluster.id}-${name}`, hostInterface };
  }
  throw new RangeError('no address is left for another master');
}

function onLoopback(cluster: Cluster, masters: readonly Member[]) {
  const base = membersOfKind(cluster, 'lb')[0]!.ports.api!;
  const taken = new Set(masters.map(({ ports }) => ports.api));
  // Ports of workers begin at 101.
  for (let slot = 1; slot < 25; slot++) {
    const api = base + slot * 4;
    if (!taken.has(api)) return { address: '127.0.0.1', ports: { api, grpc: api + 1, raft: api + 2, etcd: api + 3 } };
  }
  throw new RangeError('no ports are left for another master');
}
