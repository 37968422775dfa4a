/**
 * TCP connections to pods. Masters need no route to the pods' addresses: the agent of the pod's node carries the bytes. Where a node runs a
 * stock kubelet, or a pod is known by its address only, the address is dialled.
 */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Node } from '../../api/generated/types/core-v1.ts';
import { ApiError, isReason } from '../../api/status.ts';
import type { AgentClient } from '../streaming/agent-client.ts';
import { type FindNode, nodeEndpoint } from '../streaming/agent-endpoint.ts';

const connectTimeoutMs = 10_000;
const tcpProtocol = 'trimast-tcp';

export interface PodAddress {
  readonly ip: string;
  readonly port: number;
  /** Absent: no pod of this cluster, as far as is known. */
  readonly pod?: { readonly namespace: string; readonly name: string; readonly nodeName: string } | undefined;
}

/** @throws ApiError ServiceUnavailable */
export type DialPod = (address: PodAddress, signal?: AbortSignal) => Promise<Duplex>;

export function podDialer(agents: AgentClient, findNode: FindNode): DialPod {
  /** Nodes whose server has no such path. */
  const foreign = new Set<string>();
  return async (address, signal) => {
    const { pod, port } = address;
    if (!pod) return dialTcp(address.ip, port, signal);
    const node = await findNode(pod.nodeName).catch(() => undefined);
    const uid = node?.metadata?.uid ?? '';
    if (!node || foreign.has(uid)) return dialTcp(address.ip, port, signal);
    try {
      return await throughAgent(agents, node, pod, port, signal);
    } catch (error) {
      if (!isUnknownPath(error)) throw error;
      if (foreign.size > 10_000) foreign.clear();
      foreign.add(uid);
      return dialTcp(address.ip, port, signal);
    }
  };
}

async function throughAgent(
  agents: AgentClient,
  node: Node,
  pod: { readonly namespace: string; readonly name: string; readonly nodeName: string },
  port: number,
  signal: AbortSignal | undefined,
): Promise<Duplex> {
  const path = `/connect/${encodeURIComponent(pod.namespace)}/${encodeURIComponent(pod.name)}/${port}`;
  const headers = { connection: 'Upgrade', upgrade: tcpProtocol };
  const { socket, head } = await agents.upgrade(nodeEndpoint(node, pod.nodeName), {
    method: 'GET',
    path,
    headers,
    signal,
  });
  if (head.length > 0) socket.unshift(head);
  return socket;
}

/** A kubelet answers with a plain 404. */
function isUnknownPath(error: unknown): boolean {
  return isReason(error, 'NotFound') || (error instanceof ApiError && /answered HTTP 404/.test(error.message));
}

/** @throws ApiError ServiceUnavailable */
export function dialTcp(host: string, port: number, signal?: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true, ...(signal && { signal }) } as never);
    const timer = setTimeout(() => socket.destroy(new Error('i/o timeout')), connectTimeoutMs);
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(unreachable(`dial tcp ${host}:${port}: ${error.message}`, error));
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

export function unreachable(what: string, cause?: unknown): ApiError {
  return new ApiError('ServiceUnavailable', `error trying to reach service: ${what}`, undefined, { cause });
}
