/** `kubectl get endpoints` and `endpointslices`: the first few of what may be many. */
import type { Endpoints } from '../../generated/types/core-v1.ts';
import type { EndpointSlice } from '../../generated/types/discovery-v1.ts';
import { column } from '../../table/column.ts';
import { none, unset } from '../../table/format.ts';

const maxShown = 3;

export const endpointsColumns = [
  column<Endpoints>('Endpoints', 'Addresses with ports.', ({ subsets }) => {
    const all = (subsets ?? []).flatMap(({ addresses, ports }) => {
      const ips = (addresses ?? []).map(({ ip }) => bracketed(ip));
      return ports === undefined || ports.length === 0
        ? ips
        : ports.flatMap(({ port }) => ips.map((ip) => `${ip}:${port}`));
    });
    return firstFew(all, ' + ', ' more...') ?? none;
  }),
];

export const endpointSliceColumns = [
  column<EndpointSlice>('AddressType', 'IPv4, IPv6 or FQDN.', ({ addressType }) => addressType ?? ''),
  column<EndpointSlice>('Ports', 'Ports of every endpoint.', ({ ports }) => {
    const all = (ports ?? []).map(({ port, name }) => (port === undefined ? name || '*' : String(port)));
    return firstFew(all, ' + ', ' more...') ?? unset;
  }),
  column<EndpointSlice>('Endpoints', 'First address of each.', ({ endpoints }) => {
    const all = (endpoints ?? []).flatMap(({ addresses }) => addresses ?? []);
    return firstFew(all, ' + ', ' more...') ?? unset;
  }),
];

function bracketed(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

function firstFew(items: readonly string[], before: string, after: string): string | undefined {
  if (items.length === 0) return undefined;
  const shown = items.slice(0, maxShown).join(',');
  const more = items.length - maxShown;
  return more > 0 ? `${shown}${before}${more}${after}` : shown;
}
