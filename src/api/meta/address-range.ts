/** Arithmetic on addresses of both families. Pure. */
import { isIP, isIPv4 } from 'node:net';
import { parseCidr } from './ip.ts';

export type IpFamily = 'IPv4' | 'IPv6';

export function familyOf(address: string): IpFamily {
  return isIPv4(address) ? 'IPv4' : 'IPv6';
}

/** @throws RangeError when it is no address */
export function addressToBigint(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  if (isIP(address) !== 6) throw new RangeError(`not an address: "${address}"`);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (dotted) {
    const tail = addressToBigint(dotted[2]!);
    return addressToBigint(`${dotted[1]}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`);
  }
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), tail === undefined ? [] : groups(tail)];
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return all.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

/** In the canonical form: IPv6 as in RFC 5952. */
export function bigintToAddress(value: bigint, family: IpFamily): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  let [start, length] = [0, 1];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return length === 1 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

export function canonicalAddress(address: string): string {
  return bigintToAddress(addressToBigint(address), familyOf(address));
}

/** The addresses of a block that a host can have: without that of the network and, with IPv4, the broadcast address. */
export interface AddressRange {
  readonly cidr: string;
  readonly family: IpFamily;
  readonly first: bigint;
  /** How many there are from `first` on. */
  readonly size: bigint;
}

/** Undefined when the text is no block. */
export function usableRange(text: string): AddressRange | undefined {
  const cidr = parseCidr(text);
  if (!cidr) return undefined;
  const family: IpFamily = cidr.family === 4 ? 'IPv4' : 'IPv6';
  const hostBits = BigInt((cidr.family === 4 ? 32 : 128) - cidr.bits);
  const base = (addressToBigint(cidr.address) >> hostBits) << hostBits;
  const total = 1n << hostBits;
  if (total <= 2n) return { cidr: text, family, first: base, size: total };
  return { cidr: text, family, first: base + 1n, size: total - (family === 'IPv4' ? 2n : 1n) };
}

export function isInRange(range: AddressRange, address: string): boolean {
  if (familyOf(address) !== range.family) return false;
  const value = addressToBigint(address);
  return value >= range.first && value < range.first + range.size;
}

export function addressAt(range: AddressRange, offset: bigint): string {
  return bigintToAddress(range.first + offset, range.family);
}
