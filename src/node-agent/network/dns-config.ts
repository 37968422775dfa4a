/** Which servers are asked for names that are not the cluster's. Pure. */
import { isIP, isIPv6 } from 'node:net';
import type { Server } from '../../dns/forward/exchange.ts';

const defaultPort = 53;
const maxServers = 15;

interface Settings {
  readonly servers?: readonly string[];
  readonly stubDomains?: Readonly<Record<string, readonly string[]>>;
}

/** The cluster's own addresses are left out: it would ask itself. @throws Error for what is no address */
export function dnsServers(settings: Settings, nameservers: readonly string[], own: readonly string[]) {
  const parse = (all: readonly string[]) =>
    all
      .map(parseServer)
      .filter(({ address }) => !own.includes(address))
      .slice(0, maxServers);
  const stubs = Object.entries(settings.stubDomains ?? {});
  return {
    servers: settings.servers ? parse(settings.servers) : parse(nameservers.filter((address) => isIP(address) !== 0)),
    stubDomains: new Map(stubs.map(([domain, servers]) => [domain, parse(servers)])),
  };
}

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. @throws Error for anything else */
export function parseServer(text: string): Server {
  if (isIPv6(text)) return { address: text, port: defaultPort };
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? defaultPort);
  if (isIP(address) === 0 || port < 1 || port > 65_535)
    throw new Error(`DNS server "${text}": expected an IP address, or address:port ([address]:port for IPv6)`);
  return { address, port };
}
