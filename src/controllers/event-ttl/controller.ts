/**
 * Deletes Events an hour after they last happened. A sweep instead of a watch: events are many and worth little, and this way the
 * leader never holds them all in memory.
 */
import type { Event } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import { delay } from '../../client/backoff.ts';
import type { ControllerContext } from '../shared/context.ts';
import { expiredEvents } from './plan.ts';

const ttlMs = 60 * 60 * 1000;
const sweepIntervalMs = 60_000;
/** Events read, and at most deleted, at a time. */
const batchSize = 500;

export class EventTtlController {
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  async run(): Promise<void> {
    const { clock, logger, signal } = this.#context;
    while (!signal.aborted) {
      await delay(clock, sweepIntervalMs, signal);
      if (signal.aborted) return;
      await this.sweep().catch((error: unknown) => {
        if (!signal.aborted) logger.warn({ error: String(error) }, 'events not swept, will try again');
      });
    }
  }

  async sweep(): Promise<void> {
    const { client, clock, signal } = this.#context;
    let next: string | undefined;
    do {
      const page = await client.list<Event>(resources.events, { limit: batchSize, continue: next, signal });
      const expired = expiredEvents(page.items, clock.nowMs() - ttlMs);
      await Promise.all(expired.map((event) => this.#delete(event)));
      next = page.continue;
    } while (next && !signal.aborted);
  }

  async #delete({ metadata }: Event): Promise<void> {
    const { namespace, name, uid, resourceVersion } = metadata!;
    const key = { namespace, name: name! };
    try {
      await this.#context.client.delete(resources.events, key, { preconditions: { uid, resourceVersion } });
    } catch (error) {
      // Gone already, or it happened again meanwhile.
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
    }
  }
}
