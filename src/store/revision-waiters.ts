/** Callers that wait until this replica has reached a revision. */
import { defaultRevisionWaitMs, maxRevisionWaiters } from './limits.ts';
import { StoreError } from './types.ts';

interface Waiter {
  readonly revision: number;
  settle(error?: StoreError): void;
}

export class RevisionWaiters {
  readonly #waiters = new Set<Waiter>();

  /** @throws StoreError future-revision when the time is over, unavailable when aborted or when too many wait */
  wait(revision: number, signal?: AbortSignal, timeoutMs = defaultRevisionWaitMs): Promise<void> {
    if (this.#waiters.size >= maxRevisionWaiters)
      return Promise.reject(new StoreError('unavailable', `${maxRevisionWaiters} callers wait for a revision already`));
    if (signal?.aborted) return Promise.reject(aborted(revision, signal));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => waiter.settle(aborted(revision, signal));
      const timer = setTimeout(
        () =>
          waiter.settle(new StoreError('future-revision', `revision ${revision} did not come within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const waiter: Waiter = {
        revision,
        settle: (error) => {
          this.#waiters.delete(waiter);
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          if (error) reject(error);
          else resolve();
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  reached(revision: number): void {
    for (const waiter of this.#waiters) if (waiter.revision <= revision) waiter.settle();
  }
}

function aborted(revision: number, signal: AbortSignal | undefined): StoreError {
  return new StoreError('unavailable', `gave up waiting for revision ${revision}`, { cause: signal?.reason });
}
