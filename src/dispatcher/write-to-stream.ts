/** Writing to an agent's stream, held back by how fast the agent reads. */
import { status } from '@grpc/grpc-js';
import type { Clock } from '../lib/clock.ts';
import { DispatchError } from './dispatch-error.ts';
import { stalledStreamMs } from './limits.ts';

interface WritableCall<R> {
  write(response: R): boolean;
  once(event: 'drain', listener: () => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
}

/** Resolves when the stream can take more, or has ended. @throws DispatchError RESOURCE_EXHAUSTED when the agent has read nothing for too long */
export function writeToStream<R>(call: WritableCall<R>, response: R, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted || call.write(response)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (error?: DispatchError): void => {
      cancelTimer();
      call.off('drain', onDrain);
      signal.removeEventListener('abort', onDrain);
      if (error) reject(error);
      else resolve();
    };
    const onDrain = (): void => settle();
    const cancelTimer = clock.setTimer(stalledStreamMs, () =>
      settle(new DispatchError(status.RESOURCE_EXHAUSTED, `the agent has read nothing for ${stalledStreamMs} ms`)),
    );
    call.once('drain', onDrain);
    signal.addEventListener('abort', onDrain, { once: true });
  });
}
