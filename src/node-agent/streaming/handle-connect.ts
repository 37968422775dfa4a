/**
 * A TCP connection to a port of a pod, carried byte for byte: how a master reaches webhooks, aggregated APIs and what `proxy` asks for, on
 * networks in which only nodes have routes to pods.
 */
import { connect } from 'node:net';
import { ApiError } from '../../api/status.ts';
import { joinDuplexes } from '../../lib/join-duplexes.ts';
import type { PodTarget } from '../pod-lookup.ts';
import type { UpgradeRequest } from './upgrade.ts';

/** What the caller asks to upgrade to. */
export const tcpProtocol = 'trimast-tcp';
const connectTimeoutMs = 10_000;

/** Resolves when either side has gone; then both are. @throws ApiError before the upgrade. */
export async function handleConnect(
  pod: PodTarget | undefined,
  name: string,
  port: number,
  upgrade: UpgradeRequest,
): Promise<void> {
  if (upgrade.request.headers.upgrade?.toLowerCase() !== tcpProtocol) {
    throw new ApiError('BadRequest', `a connection to a pod is an upgrade to ${tcpProtocol}`);
  }
  if (!pod?.podIp) throw new ApiError('ServiceUnavailable', `pod "${name}" has no address on this node`);
  const { podIp: host } = pod;
  const outgoing = connect({ host, port, noDelay: true, keepAlive: true, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no answer in ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(
        new ApiError('ServiceUnavailable', `dial tcp ${host}:${port}: ${error.message}`, undefined, { cause: error }),
      );
    };
    outgoing.once('error', fail);
    outgoing.once('connect', () => {
      clearTimeout(timer);
      outgoing.off('error', fail);
      resolve();
    });
  });
  const { socket, head } = upgrade;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${tcpProtocol}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  await joinDuplexes(socket, outgoing);
}
