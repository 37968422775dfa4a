/** Which pod ranges each node gets, one per family. Pure. */
import { addressToBigint, bigintToAddress } from '../../api/meta/address-range.ts';
import { parseCidr as parseBlock } from '../../api/meta/ip.ts';

interface Range {
  readonly family: 4 | 6;
  readonly base: bigint;
  readonly prefix: number;
  /** How many addresses. */
  readonly size: bigint;
}

/** Ranges that are looked at before the search is given up: as many nodes as no cluster has. */
const maxSearched = 65_536n;

/** `10.244.0.0/16` or `fd00::/48`. @throws Error for anything else */
export function parseCidr(cidr: string): Range {
  const block = parseBlock(cidr);
  if (!block) throw new Error(`"${cidr}" is not a range of addresses`);
  const { family, bits, address } = block;
  const size = 1n << BigInt((family === 4 ? 32 : 128) - bits);
  const first = addressToBigint(address);
  return { family: family as 4 | 6, base: first - (first % size), prefix: bits, size };
}

/** `10.244.0.0/16,fd00::/48` → each of them. */
export function podRangesOf(podCidr: string): string[] {
  return podCidr.split(',').map((cidr) => cidr.trim());
}

export function isIPv6Range(cidr: string): boolean {
  return cidr.includes(':');
}

/**
 * The lowest free range of length `nodeMaskSize` within `podCidr`, or undefined when all are taken. A taken range of another length (from an earlier configuration) blocks
 * every range that it overlaps; one of the other family none.
 */
export function nextRange(podCidr: string, nodeMaskSize: number, taken: Iterable<string>): string | undefined {
  const whole = parseCidr(podCidr);
  const bits = whole.family === 4 ? 32 : 128;
  const size = 1n << BigInt(bits - nodeMaskSize);
  const all = nodeMaskSize < whole.prefix ? 0n : 1n << BigInt(nodeMaskSize - whole.prefix);
  const count = all < maxSearched ? all : maxSearched;
  const used = new Set<bigint>();
  for (const cidr of taken) {
    const range = parseCidr(cidr);
    if (range.family !== whole.family) continue;
    const end = range.base + range.size - 1n;
    if (end < whole.base || range.base >= whole.base + whole.size) continue;
    const first = range.base < whole.base ? 0n : (range.base - whole.base) / size;
    const last = (end - whole.base) / size;
    for (let index = first; index <= last && index < count; index++) used.add(index);
  }
  for (let index = 0n; index < count; index++) {
    if (used.has(index)) continue;
    return `${bigintToAddress(whole.base + index * size, whole.family === 4 ? 'IPv4' : 'IPv6')}/${nodeMaskSize}`;
  }
  return undefined;
}
