/** What probes and lifecycle hooks do to a container: run a command, ask over HTTP or gRPC, open a TCP connection. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import type { Container, GRPCAction, HTTPGetAction, TCPSocketAction } from '../../api/generated/types/core-v1.ts';
import { Health, HealthCheckResponse_ServingStatus } from '../../gen/grpc/health/v1/health_pb.ts';
import { GrpcClient } from '../../lib/grpc.ts';
import { type Runtime, RuntimeError } from '../runtime/runtime.ts';

/** Of an answer's body or a command's output this much is kept for messages. */
const MAX_OUTPUT_BYTES = 10 * 1024;

export interface Handler {
  readonly exec?: { readonly command?: readonly string[] | undefined } | undefined;
  readonly httpGet?: HTTPGetAction | undefined;
  readonly tcpSocket?: TCPSocketAction | undefined;
  readonly grpc?: GRPCAction | undefined;
}

export interface HandlerTarget {
  readonly runtime: Runtime;
  readonly containerId: string;
  readonly container: Container;
  readonly podIp: string;
}

export interface HandlerResult {
  readonly ok: boolean;
  /** For an event: why not. */
  readonly message: string;
  /** It could not be tried: that says nothing of the container. */
  readonly isUnknown?: boolean;
}

/** Never throws: whatever goes wrong is a failed result. */
export async function runHandler(handler: Handler, target: HandlerTarget, timeoutMs: number): Promise<HandlerResult> {
  try {
    if (handler.exec) return await runExec(handler.exec.command ?? [], target, timeoutMs);
    if (handler.httpGet) return await runHttp(handler.httpGet, target, timeoutMs);
    if (handler.tcpSocket) {
      const port = resolvePort(handler.tcpSocket.port, target.container);
      return await runTcp(handler.tcpSocket.host || target.podIp, port, timeoutMs);
    }
    if (handler.grpc) return await runGrpc(handler.grpc, target, timeoutMs);
    return { ok: false, message: 'handler of a kind that this node does not support' };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // A command that does not end in time is the container's own fault.
    const isUnknown = error instanceof RuntimeError && error.code !== 'timeout';
    return { ok: false, message, ...(isUnknown && { isUnknown }) };
  }
}

async function runExec(command: readonly string[], target: HandlerTarget, timeoutMs: number): Promise<HandlerResult> {
  const result = await target.runtime.execSync(target.containerId, command, timeoutMs);
  const output = Buffer.concat([result.stdout, result.stderr]).toString('utf8', 0, MAX_OUTPUT_BYTES);
  return { ok: result.exitCode === 0, message: output };
}

/** A number, or the name of one of the container's ports. @throws Error */
export function resolvePort(port: string | number, container: Container): number {
  const number = typeof port === 'number' ? port : /^\d+$/.test(port) ? Number(port) : undefined;
  const found = number ?? container.ports?.find(({ name }) => name === port)?.containerPort;
  if (found === undefined || found < 1 || found > 65535) throw new Error(`container has no port "${port}"`);
  return found;
}

function runHttp(action: HTTPGetAction, target: HandlerTarget, timeoutMs: number): Promise<HandlerResult> {
  const isHttps = action.scheme === 'HTTPS';
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.35', accept: '*/*', connection: 'close' };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const path = action.path ?? '/';
  const options = {
    host: action.host || target.podIp,
    port: resolvePort(action.port, target.container),
    path: path.startsWith('/') ? path : `/${path}`,
    headers,
    // A probe asks whether the server answers, not who it is.
    rejectUnauthorized: false,
    agent: false as const,
    signal: AbortSignal.timeout(timeoutMs),
  };
  return new Promise((resolve) => {
    const request = (isHttps ? httpsRequest : httpRequest)(options, (response) => {
      const status = response.statusCode ?? 0;
      const ok = status >= 200 && status < 400;
      resolve({ ok, message: `HTTP probe failed with statuscode: ${status}` });
      response.destroy();
    });
    request.on('error', (error) => {
      const message =
        error.name === 'AbortError' || error.name === 'TimeoutError' ? 'context deadline exceeded' : error.message;
      resolve({
        ok: false,
        message: `Get "${isHttps ? 'https' : 'http'}://${options.host}:${options.port}${options.path}": ${message}`,
      });
    });
    request.end();
  });
}

function runTcp(host: string, port: number, timeoutMs: number): Promise<HandlerResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (ok: boolean, message: string) => {
      socket.destroy();
      resolve({ ok, message });
    };
    socket.setTimeout(timeoutMs, () => end(false, `dial tcp ${host}:${port}: i/o timeout`));
    socket.once('connect', () => end(true, ''));
    socket.once('error', (error) => end(false, `dial tcp ${host}:${port}: ${error.message}`));
  });
}

async function runGrpc(action: GRPCAction, target: HandlerTarget, timeoutMs: number): Promise<HandlerResult> {
  const address = `${target.podIp}:${action.port}`;
  const client = new GrpcClient(Health, address, grpc.credentials.createInsecure());
  try {
    const deadline = Date.now() + timeoutMs;
    const { status } = await client.unary(Health.method.check, { service: action.service ?? '' }, { deadline });
    const ok = status === HealthCheckResponse_ServingStatus.SERVING;
    const name = Object.entries(HealthCheckResponse_ServingStatus).find(([, value]) => value === status)?.[0];
    return { ok, message: `service unhealthy (responded with "${name ?? status}")` };
  } finally {
    client.close();
  }
}
