/** Addresses and blocks of addresses, in the words of upstream's errors. */
import { BlockList, isIP } from 'node:net';

export const notAnIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
export const notACidr = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export function validIp(text: string): string | undefined {
  return isIP(text) > 0 && !text.includes('%') ? undefined : notAnIp;
}

export interface Cidr {
  readonly address: string;
  readonly bits: number;
  readonly family: 4 | 6;
}

/** Undefined when the text is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  if (rest.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(length) || family === 0) return undefined;
  const bits = Number(length);
  if (bits > (family === 4 ? 32 : 128)) return undefined;
  return { address, bits, family: family as 4 | 6 };
}

export function validCidr(text: string): string | undefined {
  return parseCidr(text) ? undefined : notACidr;
}

/** Every address of `inner` lies in `outer`, which has more. */
export function isStrictSubset(inner: Cidr, outer: Cidr): boolean {
  if (inner.family !== outer.family || outer.bits >= inner.bits) return false;
  const block = new BlockList();
  const family = outer.family === 4 ? 'ipv4' : 'ipv6';
  block.addSubnet(outer.address, outer.bits, family);
  return block.check(inner.address, family);
}
