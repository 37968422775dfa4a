/** Where `[SCHEME:]NAME[:PORT]` of a proxy request leads: a pod, a ready endpoint of a Service, or a node. */
import type { Node, Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { ApiError } from '../../api/status.ts';
import { notFound } from '../errors.ts';
import type { PodAddress } from './pod-dialer.ts';

export type Scheme = 'http' | 'https';

export interface ProxyName {
  readonly scheme: Scheme;
  readonly name: string;
  /** A number or a name; empty: the only one. */
  readonly port: string;
}

/** @throws ApiError BadRequest */
export function parseProxyName(text: string, what: string): ProxyName {
  const parts = text.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? ''];
  if (parts.length > 3 || !name || !['', 'http', 'https'].includes(scheme!)) {
    throw new ApiError('BadRequest', `invalid ${what} request ${JSON.stringify(text)}`);
  }
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port: port! };
}

/** @throws ApiError BadRequest for a pod without an address */
export function podAddress(pod: Pod, { scheme, port }: ProxyName): PodAddress {
  const { metadata, spec, status } = pod;
  const ip = status?.podIP;
  if (!ip) throw new ApiError('BadRequest', 'address not allowed');
  const first = spec?.containers?.flatMap(({ ports }) => ports ?? [])[0]?.containerPort;
  const number = port === '' ? (first ?? (scheme === 'https' ? 443 : 80)) : Number(port);
  if (!Number.isInteger(number)) throw new ApiError('BadRequest', `invalid pod port ${JSON.stringify(port)}`);
  return {
    ip,
    port: number,
    pod: spec?.nodeName
      ? { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '', nodeName: spec.nodeName }
      : undefined,
  };
}

/**
 * A ready endpoint behind the port, chosen by `random` in [0, 1).
 * @throws ApiError ServiceUnavailable
 */
export function serviceAddress(
  service: Service,
  port: string,
  slices: readonly EndpointSlice[],
  random: number,
): PodAddress {
  const name = service.metadata?.name ?? '';
  const portName = /^\d+$/.test(port) ? nameOfPort(service, Number(port)) : port;
  const found = slices.flatMap((slice) => {
    const number = slice.ports?.find((one) => (one.name ?? '') === portName)?.port;
    if (number === undefined) return [];
    const ready = slice.endpoints?.filter(({ conditions }) => conditions?.ready !== false) ?? [];
    return ready.flatMap((endpoint) => (endpoint.addresses?.[0] ? [{ endpoint, number }] : []));
  });
  const chosen = found[Math.floor(random * found.length)];
  if (!chosen) throw new ApiError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(name)}`);
  const { endpoint, number } = chosen;
  const { targetRef, nodeName } = endpoint;
  const isPod = targetRef?.kind === 'Pod' && nodeName !== undefined;
  return {
    ip: endpoint.addresses[0]!,
    port: number,
    pod: isPod ? { namespace: targetRef.namespace ?? '', name: targetRef.name ?? '', nodeName } : undefined,
  };
}

function nameOfPort(service: Service, number: number): string {
  const port = service.spec?.ports?.find((one) => one.port === number);
  if (port) return port.name ?? '';
  const name = JSON.stringify(service.metadata?.name ?? '');
  throw new ApiError('ServiceUnavailable', `no service port ${number} found for service ${name}`);
}

/** Undefined for the port: the node's own agent (or kubelet). @throws ApiError */
export function nodeAddress(
  node: Node,
  { port }: ProxyName,
): { readonly ip: string; readonly port: number | undefined } {
  const addresses = node.status?.addresses ?? [];
  const address = (addresses.find(({ type }) => type === 'InternalIP') ?? addresses[0])?.address;
  if (!address) throw notFound({ group: '', resource: 'nodes' }, node.metadata?.name ?? '');
  const own = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || 10250;
  return { ip: address, port: port === '' || Number(port) === own ? undefined : Number(port) };
}
