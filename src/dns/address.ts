/** Addresses in names: reverse names, dashed addresses. Pure. */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { Labels } from './name.ts';

/** The one way in which an address is written; IPv6 has many. */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

/** `4 3 2 1 in-addr arpa` → `1.2.3.4`; IPv6 from its 32 hexadecimal digits. Undefined: not the name of one address. */
export function reverseAddress(labels: Labels): string | undefined {
  if (labels.at(-1) !== 'arpa') return undefined;
  const parts = labels.slice(0, -2).reverse();
  if (labels.at(-2) === 'in-addr') {
    const address = parts.join('.');
    return isIPv4(address) ? address : undefined;
  }
  if (labels.at(-2) !== 'ip6' || parts.length !== 32 || !parts.every((part) => /^[0-9a-f]$/.test(part)))
    return undefined;
  return addressKey(parts.join('').replace(/(....)(?=.)/g, '$1:'));
}

/** `1-2-3-4` → `1.2.3.4`, `2001-db8--1` → `2001:db8::1`, as in names of pods. */
export function dashedAddress(label: string): string | undefined {
  const asIPv4 = label.replaceAll('-', '.');
  if (isIPv4(asIPv4)) return asIPv4;
  const asIPv6 = label.replaceAll('-', ':');
  return isIPv6(asIPv6) ? addressKey(asIPv6) : undefined;
}

export function toDashes(address: string): string {
  return address.replaceAll(/[.:]/g, '-');
}
