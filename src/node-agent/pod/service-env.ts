/**
 * The environment variables that tell a pod of Services: `NAME_SERVICE_HOST` and `NAME_SERVICE_PORT[_PORTNAME]`, and the older `NAME_PORT_…` ones
 * of Docker links. Of its own namespace when the pod wants links, and of `default/kubernetes` always. Pure.
 */
import type { Service } from '../../api/generated/types/core-v1.ts';

const MASTER_NAMESPACE = 'default';
const MASTER_SERVICE = 'kubernetes';

/** A Service of the pod's namespace replaces `default/kubernetes` where it has that name. Without cluster IP there is nothing to tell. */
export function serviceEnv(services: Iterable<Service>, namespace: string, links: boolean): Map<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const { namespace: own, name = '' } = service.metadata ?? {};
    const { clusterIP = '', type } = service.spec ?? {};
    if (clusterIP === '' || clusterIP === 'None' || type === 'ExternalName') continue;
    if (links && own === namespace) chosen.set(name, service);
    else if (own === MASTER_NAMESPACE && name === MASTER_SERVICE && !chosen.has(name)) chosen.set(name, service);
  }
  const env = new Map<string, string>();
  for (const name of [...chosen.keys()].sort()) addService(env, name, chosen.get(name)!);
  return env;
}

function addService(env: Map<string, string>, serviceName: string, { spec }: Service): void {
  const { clusterIP: ip = '', ports = [] } = spec ?? {};
  const [first] = ports;
  if (!first) return;
  const name = variableName(serviceName);
  env.set(`${name}_SERVICE_HOST`, ip);
  env.set(`${name}_SERVICE_PORT`, String(first.port));
  for (const port of ports) {
    if (port.name) env.set(`${name}_SERVICE_PORT_${variableName(port.name)}`, String(port.port));
  }
  const host = ip.includes(':') ? `[${ip}]` : ip;
  for (const { port, protocol = 'TCP' } of ports) {
    const url = `${protocol.toLowerCase()}://${host}:${port}`;
    if (!env.has(`${name}_PORT`)) env.set(`${name}_PORT`, url);
    const prefix = `${name}_PORT_${port}_${protocol.toUpperCase()}`;
    env.set(prefix, url);
    env.set(`${prefix}_PROTO`, protocol.toLowerCase());
    env.set(`${prefix}_PORT`, String(port));
    env.set(`${prefix}_ADDR`, ip);
  }
}

function variableName(text: string): string {
  return text.replaceAll('-', '_').toUpperCase();
}
