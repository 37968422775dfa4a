/**
 * Notices when this master is cut off from the others. Its agents would hear no more of what is decided elsewhere, and nothing would
 * tell them, for their own streams are fine: so it has to send them away. Judged by small linearizable reads, which need a majority.
 */
import { resources } from '../api/types.ts';
import { delay } from '../client/backoff.ts';
import type { ApiClient } from '../client/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { isolationMs, isolationProbeMs } from './limits.ts';

export interface IsolationWatchOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** No read has succeeded for {@link isolationMs}. Called once per time of isolation. */
  onIsolated(): void;
}

/** Runs until the signal aborts. Never rejects. */
export async function watchIsolation(options: IsolationWatchOptions): Promise<void> {
  const { client, clock, logger, signal, onIsolated } = options;
  let cancel = (): void => undefined;
  const arm = (): void => {
    cancel();
    cancel = clock.setTimer(isolationMs, () => {
      logger.warn({ isolationMs }, 'no majority of the masters can be reached: the agents are sent to others');
      onIsolated();
    });
  };
  arm();
  signal.addEventListener('abort', () => cancel(), { once: true });
  while (!signal.aborted) {
    try {
      await client.list(resources.namespaces, { limit: 1, signal });
      if (!signal.aborted) arm();
    } catch (error) {
      logger.debug({ err: error }, 'a linearizable read failed');
    }
    await delay(clock, isolationProbeMs, signal);
  }
}
