/**
 * Asks one backend for `/readyz` again and again over one kept TLS connection. The connection is a sensor of its own: when the backend's
 * process dies, its kernel closes it, and the next question is asked at once instead of at the next interval.
 */
import { Agent, request } from 'node:https';
import type { Socket } from 'node:net';

/** ready: 200. unready: it answered something else. unreachable: no answer at all. */
export type Health = { readonly state: 'ready' | 'unready' | 'unreachable'; readonly reason: string };

export interface HealthCheckOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly onResult: (health: Health) => void;
}

/** A backend that closes every connection at once must not make the check spin. */
const minimumPauseMs = 20;

/** Runs until the returned function is called. */
export function startHealthCheck(options: HealthCheckOptions): () => void {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...options.tls });
  const watched = new WeakSet<Socket>();
  let stopped = false;
  let checking = false;
  let again = false;
  let timer: NodeJS.Timeout | undefined;

  function plan(delayMs: number): void {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(check, delayMs);
  }

  function hurry(): void {
    if (checking) again = true;
    else plan(minimumPauseMs);
  }

  function check(): void {
    checking = true;
    again = false;
    let settled = false;
    const settle = (health: Health): void => {
      if (settled) return;
      settled = true;
      clearTimeout(deadline);
      checking = false;
      if (stopped) return;
      options.onResult(health);
      plan(again ? minimumPauseMs : options.intervalMs);
    };
    const call = request({ agent, host: options.host, port: options.port, path: '/readyz' }, (response) => {
      response.resume();
      response.once('end', () => {
        const ready = response.statusCode === 200;
        settle({ state: ready ? 'ready' : 'unready', reason: `/readyz answered ${response.statusCode}` });
      });
      response.once('error', (error) => settle({ state: 'unreachable', reason: error.message }));
    });
    const deadline = setTimeout(() => {
      settle({ state: 'unreachable', reason: `no answer from /readyz within ${options.timeoutMs} ms` });
      call.destroy();
    }, options.timeoutMs);
    call.once('socket', (socket) => {
      if (watched.has(socket)) return;
      watched.add(socket);
      socket.once('close', hurry);
    });
    call.on('error', (error) => settle({ state: 'unreachable', reason: error.message }));
    call.end();
  }

  check();
  return () => {
    stopped = true;
    clearTimeout(timer);
    agent.destroy();
  };
}
