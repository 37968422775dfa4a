/** IP addresses and prefixes as numbers, and in canonical text. IPv4 in IPv6 form and zones are not taken, as Kubernetes wants. */
import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface Prefix {
  /** As written: bits beyond the length may be set. */
  readonly address: Address;
  /** In bits. */
  readonly length: number;
}

export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: bytesToNumber(text.split('.').map(Number)) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const value = ipv6Number(text);
  return value >> 32n === 0xffffn ? undefined : { family: 6, value };
}

function bytesToNumber(bytes: readonly number[]): bigint {
  return bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function ipv6Number(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const groupsOnly = dotted ? `${dotted[1]}${tail(dotted[2]!)}` : text;
  const [head = '', rest] = groupsOnly.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = rest === undefined || rest === '' ? [] : rest.split(':');
  const middle = rest === undefined ? [] : new Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...middle, ...right].reduce((sum, group) => (sum << 16n) + BigInt(Number.parseInt(group, 16)), 0n);
}

function tail(dotted: string): string {
  const number = bytesToNumber(dotted.split('.').map(Number));
  return `${(number >> 16n).toString(16)}:${(number & 0xffffn).toString(16)}`;
}

export function parsePrefix(text: string): Prefix | undefined {
  const [addressText = '', lengthText = '', more] = text.split('/');
  const address = parseAddress(addressText);
  if (!address || more !== undefined || !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  return length <= width(address) ? { address, length } : undefined;
}

function width({ family }: Address): number {
  return family === 4 ? 32 : 128;
}

/** The first `length` bits, the others zero. */
export function maskAddress(address: Address, length: number): Address {
  const shift = BigInt(width(address) - length);
  return { family: address.family, value: (address.value >> shift) << shift };
}

/** RFC 5952. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.start < 0) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}
