/** One policy's rules as `nft` writes them: each ends in `accept`; what none accepts goes on to the next policy. Pure. */
import { createHash } from 'node:crypto';
import { isIPv6Range } from '../range.ts';
import type { Direction, Peer, PolicyRule, PortMatch } from './compile.ts';

type Family = 'ip' | 'ip6';

/** A condition; without a family it holds for both. */
interface Match {
  readonly family?: Family;
  readonly text: string;
}

const anything: Match = { text: '' };
const families: readonly { readonly family: Family; readonly suffix: '4' | '6' }[] = [
  { family: 'ip', suffix: '4' },
  { family: 'ip6', suffix: '6' },
];

export function rulesOf(rules: readonly PolicyRule[], direction: Direction): string[] {
  const lines: string[] = [];
  for (const { peers, ports } of rules) {
    const ofPeers = peers?.flatMap((peer) => peerMatches(peer, direction)) ?? [anything];
    const ofPorts = ports ? portMatches(ports) : [anything];
    for (const peer of ofPeers)
      for (const port of ofPorts) {
        if (peer.family && port.family && peer.family !== port.family) continue;
        lines.push([peer.text, port.text, 'accept'].filter((part) => part !== '').join(' '));
      }
  }
  return [...new Set(lines)];
}

/** Of the pods that a selection has, `4` and `6` per family. */
export function selectionSet(key: string): string {
  return `pods-${shortHash(key)}`;
}

/** Of all pods with a port of this name: address, protocol, number. */
export function namedPortSet(name: string, protocol: string): string {
  return `port-${shortHash(`${name}/${protocol}`)}`;
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function peerMatches(peer: Peer, direction: Direction): Match[] {
  const side = direction === 'ingress' ? 'saddr' : 'daddr';
  if (peer.kind === 'block') {
    const family = isIPv6Range(peer.range) ? 'ip6' : 'ip';
    const excepted = peer.except.map((range) => ` ${family} ${side} != ${range}`).join('');
    return [{ family, text: `${family} ${side} ${peer.range}${excepted}` }];
  }
  const set = selectionSet(peer.selection.key);
  return families.map(({ family, suffix }) => ({ family, text: `${family} ${side} @${set}-${suffix}` }));
}

function portMatches(ports: readonly PortMatch[]): Match[] {
  const matches: Match[] = [];
  const numbers = new Map<string, [number, number][]>();
  for (const { protocol, first, last, name } of ports) {
    if (name !== undefined) {
      const set = namedPortSet(name, protocol);
      for (const { family, suffix } of families)
        matches.push({ family, text: `${family} daddr . meta l4proto . th dport @${set}-${suffix}` });
    } else if (first === undefined) matches.push({ text: `meta l4proto ${protocol}` });
    else numbers.set(protocol, [...(numbers.get(protocol) ?? []), [first, last ?? first]]);
  }
  for (const [protocol, its] of numbers) {
    const text = merged(its).map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
    matches.push({ text: `${protocol} dport ${text.length === 1 ? text[0] : `{ ${text.join(', ')} }`}` });
  }
  return matches;
}

/** Ranges that touch or overlap become one: a set refuses them. */
function merged(ranges: readonly [number, number][]): [number, number][] {
  const result: [number, number][] = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const previous = result.at(-1);
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else result.push([first, last]);
  }
  return result;
}
