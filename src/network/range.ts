/** Ranges of addresses, as text. Pure; what was parsed once is remembered. */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

const parsed = new Map<string, BlockList | undefined>();
const maxParsed = 20_000;

/** Whether `range` (`10.0.0.0/8`, `fd00::/8`) holds `address`; never for what is no range. */
export function rangeContains(range: string, address: string): boolean {
  let list = parsed.get(range);
  if (!list) {
    if (parsed.size >= maxParsed) parsed.clear();
    list = blockList(range);
    parsed.set(range, list);
  }
  return list?.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') ?? false;
}

function blockList(range: string): BlockList | undefined {
  const [base = '', length = ''] = range.split('/');
  if (isIP(base) === 0 || !/^\d{1,3}$/.test(length) || Number(length) > (isIPv4(base) ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(base, Number(length), isIPv4(base) ? 'ipv4' : 'ipv6');
  return list;
}

export function isIPv6Range(range: string): boolean {
  return range.includes(':');
}
