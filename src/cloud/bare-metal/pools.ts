/** Addresses for load balancers: ranges that the operator has set aside, on a link of the nodes. Pure. */
import { isIP } from 'node:net';
import {
  addressToBigint,
  bigintToAddress,
  familyOf,
  type IpFamily,
  usableRange,
} from '../../api/meta/address-range.ts';

export interface Pool {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly size: bigint;
}

/** Addresses looked at in one pool before it counts as used up. */
const maxTries = 65_536n;

/** `192.0.2.16/28`, whose every usable address may be given out, or `192.0.2.20-192.0.2.40`. @throws RangeError */
export function parsePool(text: string): Pool {
  const [from = '', to, ...rest] = text.split('-').map((part) => part.trim());
  if (to === undefined) {
    const range = usableRange(from);
    if (!range)
      throw new RangeError(`"${text}" is no range of addresses: write 192.0.2.16/28 or 192.0.2.20-192.0.2.40`);
    return { family: range.family, first: range.first, size: range.size };
  }
  if (rest.length > 0 || isIP(from) === 0 || isIP(from) !== isIP(to))
    throw new RangeError(`"${text}" is no range of addresses: write 192.0.2.16/28 or 192.0.2.20-192.0.2.40`);
  const [first, last] = [addressToBigint(from), addressToBigint(to)];
  if (last < first) throw new RangeError(`"${text}" ends before it begins`);
  return { family: familyOf(from), first, size: last - first + 1n };
}

export function isInPools(pools: readonly Pool[], address: string): boolean {
  const value = addressToBigint(address);
  const family = familyOf(address);
  return pools.some((pool) => pool.family === family && value >= pool.first && value < pool.first + pool.size);
}

/** The lowest that nobody has. */
export function freeAddress(pools: readonly Pool[], family: IpFamily, used: ReadonlySet<string>): string | undefined {
  for (const pool of pools) {
    if (pool.family !== family) continue;
    const tries = pool.size < maxTries ? pool.size : maxTries;
    for (let offset = 0n; offset < tries; offset++) {
      const address = bigintToAddress(pool.first + offset, family);
      if (!used.has(address)) return address;
    }
  }
  return undefined;
}
