/** What policies say of one packet, and which rule says it: the same meaning as the rules of the nodes, found another way. Pure. */
import type {
  Direction,
  NamespaceLabels,
  Peer,
  Policy,
  PolicyPod,
  PolicyRule,
  PortMatch,
} from '../policies/compile.ts';
import { isSelected, selects } from '../policies/compile.ts';
import { rangeContains } from '../range.ts';

export interface Packet {
  readonly from: End;
  readonly to: End;
  /** In lower case. */
  readonly protocol: string;
  /** Undefined: any. */
  readonly port: number | undefined;
}

export interface End {
  readonly address: string;
  /** Undefined: not a pod of the cluster, or one on a node's own network. */
  readonly pod: PolicyPod | undefined;
}

export interface Verdict {
  /** By name; none: everything is allowed. */
  readonly policies: readonly Policy[];
  readonly allowed: boolean;
  /** Which rule lets it pass, counted from 1. */
  readonly by?: { readonly policy: Policy; readonly rule: number };
}

/** `egress` is what the sender's node decides, `ingress` the receiver's. */
export function judge(
  policies: Iterable<Policy>,
  direction: Direction,
  packet: Packet,
  labelsOf: NamespaceLabels,
): Verdict {
  const [subject, other] = direction === 'ingress' ? [packet.to, packet.from] : [packet.from, packet.to];
  const { pod } = subject;
  if (!pod) return { policies: [], allowed: true };
  const applying = [...policies]
    .filter((policy) => policy[direction] !== undefined && selects(policy, pod))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  if (applying.length === 0 || subject.address === other.address) return { policies: applying, allowed: true };
  for (const policy of applying) {
    const index = policy[direction]!.findIndex((rule) => matches(rule, other, packet, labelsOf));
    if (index >= 0) return { policies: applying, allowed: true, by: { policy, rule: index + 1 } };
  }
  return { policies: applying, allowed: false };
}

function matches({ peers, ports }: PolicyRule, other: End, packet: Packet, labelsOf: NamespaceLabels): boolean {
  const isPeer = peers === undefined || peers.some((peer) => isMeant(peer, other, labelsOf));
  return isPeer && (ports === undefined || ports.some((port) => isPort(port, packet)));
}

function isMeant(peer: Peer, { address, pod }: End, labelsOf: NamespaceLabels): boolean {
  if (peer.kind === 'pods') return pod !== undefined && isSelected(peer.selection, pod, labelsOf);
  return rangeContains(peer.range, address) && !peer.except.some((range) => rangeContains(range, address));
}

function isPort({ protocol, first, last, name }: PortMatch, packet: Packet): boolean {
  if (protocol !== packet.protocol) return false;
  if (name !== undefined) {
    return (packet.to.pod?.ports ?? []).some(
      (port) => port.name === name && port.protocol === protocol && port.port === packet.port,
    );
  }
  if (first === undefined) return true;
  return packet.port !== undefined && packet.port >= first && packet.port <= (last ?? first);
}
