/** Whether an address answers at all: a TCP connection, closed again at once. Says so within a second or two, however slow the host's own work is. */
import { connect } from 'node:net';
import type { Clock } from '../../lib/clock.ts';

/** @throws Error when nothing answers in time, or when the address refuses. `address`: `host:port`, IPv6 in brackets. */
export function reach(address: string, timeoutMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(address.slice(colon + 1)), signal });
    const cancelTimer = clock.setTimer(timeoutMs, () => {
      socket.destroy(new Error(`${address} does not answer within ${timeoutMs} ms`));
    });
    socket.once('connect', () => {
      resolve();
      socket.destroy();
    });
    socket.on('error', reject);
    socket.once('close', cancelTimer);
  });
}
