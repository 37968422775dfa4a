/**
 * Port-forward. The client's connection is carried byte for byte to the container runtime, which dials the ports inside the pod's network
 * namespace; streams and their errors are between the client and the runtime. Three forms:
 *
 *   SPDY/3.1                                    kubectl up to 1.29
 *   SPDY/3.1 in WebSocket messages              kubectl from 1.30
 *   WebSocket channels, `?ports=N`, v4.channel  client libraries
 */
import { ApiError } from '../../api/status.ts';
import { joinDuplexes } from '../../lib/join-duplexes.ts';
import type { RuntimeStreaming } from './cri-streaming.ts';
import {
  acceptPortForward,
  acceptRelayed,
  offeredSubprotocols,
  spdyTunnelProtocol,
  type UpgradeRequest,
} from './upgrade.ts';

const maxPorts = 32;
const handshakeHeaders = ['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol'] as const;

/** Resolves when either side has gone; then both are. @throws ApiError before the upgrade. */
export async function handlePortForward(
  streaming: RuntimeStreaming,
  sandboxId: string,
  query: URLSearchParams,
  upgrade: UpgradeRequest,
): Promise<void> {
  const { headers } = upgrade.request;
  const isWebSocket = headers.upgrade?.toLowerCase() === 'websocket';
  if (isWebSocket && !offeredSubprotocols(upgrade.request).includes(spdyTunnelProtocol)) {
    const handshake: Record<string, string> = { upgrade: 'websocket' };
    for (const name of handshakeHeaders) if (headers[name] !== undefined) handshake[name] = String(headers[name]);
    const runtime = await streaming.portForward(sandboxId, parsePorts(query), handshake);
    acceptRelayed(upgrade, runtime.headers);
    await joinDuplexes(upgrade.socket, runtime.socket);
    return;
  }
  const runtime = await streaming.portForward(sandboxId, [], {
    upgrade: 'SPDY/3.1',
    'x-stream-protocol-version': 'portforward.k8s.io',
  });
  let client: Awaited<ReturnType<typeof acceptPortForward>>;
  try {
    client = await acceptPortForward(upgrade);
  } catch (error) {
    runtime.socket.destroy();
    throw error;
  }
  await joinDuplexes(client, runtime.socket);
}

/** `ports=80&ports=443`, or joined by commas; also under a kubelet's name `port`. */
function parsePorts(query: URLSearchParams): number[] {
  const texts = [...query.getAll('ports'), ...query.getAll('port')].flatMap((value) => value.split(','));
  const ports = texts.map(Number);
  if (
    ports.length === 0 ||
    ports.length > maxPorts ||
    ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535)
  ) {
    throw new ApiError(
      'BadRequest',
      `query parameter ports: "${texts.join(',')}" is not a list of 1 to ${maxPorts} ports`,
    );
  }
  return ports;
}
