/**
 * Makes sure that an agent never gets to see the past. An agent may come from a master that was ahead of this one, and a full set that
 * lacks a pod it already runs would make it stop that pod. So before a session gets its assignments, the pods are read linearizably, and
 * the session waits until the watch has brought all that. Sessions that arrive together share one read.
 */
import type { Pod } from '../api/generated/types/core-v1.ts';
import { resources } from '../api/types.ts';
import type { ApiClient } from '../client/types.ts';
import type { AssignmentSource } from './assignment-source.ts';
import { type RetryOptions, retry } from './retry.ts';

const pageSize = 5_000;

export class CatchUp {
  readonly #client: ApiClient;
  readonly #source: AssignmentSource;
  readonly #options: RetryOptions;
  /** A read that has not begun yet: whoever joins it sees everything that was committed when it joined. */
  #next: Promise<number> | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(client: ApiClient, source: AssignmentSource, options: RetryOptions) {
    this.#client = client;
    this.#source = source;
    this.#options = options;
  }

  /** Resolves once the source knows of every pod that was committed when this was called. */
  async wait(signal: AbortSignal): Promise<void> {
    await this.#source.ready(signal);
    if (!this.#next) {
      const read = this.#running.then(() => {
        this.#next = undefined;
        return retry(this.#options, () => this.#latestPodRevision());
      });
      this.#next = read;
      // A failed read is told to those who wait for it; it must not fail the one after it.
      this.#running = read.catch(() => undefined);
    }
    await this.#source.podsReached(await this.#next, signal);
  }

  async #latestPodRevision(): Promise<number> {
    let latest = 0;
    let next: string | undefined;
    do {
      const page = await this.#client.list<Pod>(resources.pods, {
        limit: pageSize,
        continue: next,
        signal: this.#options.signal,
      });
      for (const pod of page.items) latest = Math.max(latest, Number(pod.metadata?.resourceVersion ?? 0));
      next = page.continue;
    } while (next);
    return latest;
  }
}
