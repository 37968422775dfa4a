/**
 * containerd's CRI streaming server, for what only it can do: attach (it owns the FIFOs of a container's first process) and port-forward
 * (it dials inside the pod's network namespace). Each use asks the CRI for a URL, good once, on a loopback port of the node.
 */
import { type ClientRequest, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../api/status.ts';
import { RuntimeService } from '../../gen/runtime/v1/api_pb.ts';
import type { GrpcClient } from '../../lib/grpc.ts';
import { containerdClient } from '../runtime/containerd-client.ts';
import type { StreamSelection } from './process-streams.ts';

const connectTimeoutMs = 10_000;

export interface UpgradedConnection {
  readonly socket: Duplex;
  /** Of the 101 response, lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Upgraded connections to a container's or a sandbox's streaming endpoint. */
export interface RuntimeStreaming {
  attach(containerId: string, selection: StreamSelection, headers: Record<string, string>): Promise<UpgradedConnection>;
  portForward(
    sandboxId: string,
    ports: readonly number[],
    headers: Record<string, string>,
  ): Promise<UpgradedConnection>;
}

export class CriStreaming implements RuntimeStreaming {
  readonly #runtime: GrpcClient<typeof RuntimeService>;

  constructor(socket: string) {
    this.#runtime = containerdClient(RuntimeService, socket);
  }

  async attach(
    containerId: string,
    selection: StreamSelection,
    headers: Record<string, string>,
  ): Promise<UpgradedConnection> {
    const { url } = await this.#runtime.unary(
      RuntimeService.method.attach,
      { containerId, ...selection },
      { deadline: Date.now() + connectTimeoutMs },
    );
    return upgrade(url, headers);
  }

  async portForward(
    sandboxId: string,
    ports: readonly number[],
    headers: Record<string, string>,
  ): Promise<UpgradedConnection> {
    const { url } = await this.#runtime.unary(
      RuntimeService.method.portForward,
      { podSandboxId: sandboxId, port: [...ports] },
      { deadline: Date.now() + connectTimeoutMs },
    );
    return upgrade(url, headers);
  }

  close(): void {
    this.#runtime.close();
  }
}

function upgrade(url: string, headers: Record<string, string>): Promise<UpgradedConnection> {
  return new Promise((resolve, reject) => {
    const call: ClientRequest = request(url, {
      // SPDY clients post; a WebSocket handshake is a GET.
      method: headers.upgrade?.toLowerCase() === 'websocket' ? 'GET' : 'POST',
      headers: { connection: 'Upgrade', ...headers },
      timeout: connectTimeoutMs,
    });
    call.on('upgrade', (response, socket, head) => {
      socket.setTimeout(0);
      // Who takes it listens too; until then a reset must not end the process.
      socket.on('error', () => socket.destroy());
      if (head.length > 0) socket.unshift(head);
      resolve({ socket, headers: response.headers });
    });
    call.on('response', (response) => {
      response.resume();
      reject(
        new ApiError(
          'InternalError',
          `the container runtime refused a streaming connection: HTTP ${response.statusCode}`,
        ),
      );
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${connectTimeoutMs} ms`)));
    call.on('error', (error) => {
      reject(
        new ApiError(
          'InternalError',
          `cannot reach the container runtime's streaming server: ${error.message}`,
          undefined,
          { cause: error },
        ),
      );
    });
    call.end();
  });
}
