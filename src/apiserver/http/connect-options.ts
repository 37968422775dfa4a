/** The query of a connection as the object that admission sees: `?container=c&stdin=true` is a PodExecOptions. */
import type { GroupVersionKind, KubernetesObject } from '../../api/types.ts';

/** Kinds by resource and subresource. */
const kinds: Readonly<Record<string, string>> = {
  'pods/exec': 'PodExecOptions',
  'pods/attach': 'PodAttachOptions',
  'pods/portforward': 'PodPortForwardOptions',
  'pods/proxy': 'PodProxyOptions',
  'services/proxy': 'ServiceProxyOptions',
  'nodes/proxy': 'NodeProxyOptions',
};

const streams = ['stdin', 'stdout', 'stderr', 'tty'];

export interface ConnectOptions {
  readonly object: KubernetesObject;
  readonly kind: GroupVersionKind;
}

/** `rest`: of a proxy, the path behind it. Undefined for what is no connection. */
export function connectOptions(
  resource: string,
  subresource: string,
  query: URLSearchParams,
  rest = '',
): ConnectOptions | undefined {
  const kind = kinds[`${resource}/${subresource}`];
  if (kind === undefined) return undefined;
  const object: KubernetesObject = { kind, apiVersion: 'v1' };
  if (subresource === 'proxy') {
    if (rest !== '') object.path = rest;
  } else if (subresource === 'portforward') {
    const ports = query.getAll('ports').map(Number).filter(Number.isInteger);
    if (ports.length > 0) object.ports = ports;
  } else {
    for (const name of streams) if (isTrue(query.get(name))) object[name] = true;
    const container = query.get('container');
    if (container) object.container = container;
    if (subresource === 'exec' && query.has('command')) object.command = query.getAll('command');
  }
  return { object, kind: { group: '', version: 'v1', kind } };
}

function isTrue(value: string | null): boolean {
  return value !== null && value !== '' && value !== 'false' && value !== '0';
}
