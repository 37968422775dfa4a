/** One watcher per way into the cluster, through everything: each goes on from where it was, and must miss nothing. */
import type { RegisterStore, StoreAccess, WatchedEvent } from './types.ts';

export interface WatchLog {
  readonly via: string;
  /** Events after this revision are complete. */
  readonly fromRevision: number;
  readonly events: WatchedEvent[];
  /** How often the watch had to be begun again. */
  resumptions: number;
}

const pauseMs = 100;
const maxPauseMs = 1_000;

export class Watchers {
  readonly logs: WatchLog[] = [];
  readonly #stores: RegisterStore[];
  readonly #controller = new AbortController();
  readonly #running: Promise<void>[] = [];

  constructor(access: StoreAccess) {
    this.#stores = access.openEach();
  }

  /** Before the first write. */
  async start(): Promise<void> {
    const { revision } = await this.#stores[0]!.list();
    for (const store of this.#stores) {
      const log: WatchLog = { via: store.via, fromRevision: revision, events: [], resumptions: 0 };
      this.logs.push(log);
      this.#running.push(this.#follow(store, log));
    }
  }

  /** Waits until every watcher has come as far as `revision`, for at most `timeoutMs`, then ends them. */
  async stop(revision: number, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    const behind = () => this.logs.some((log) => (log.events.at(-1)?.revision ?? log.fromRevision) < revision);
    while (behind() && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#controller.abort();
    for (const store of this.#stores) store.close();
    await Promise.all(this.#running);
  }

  async #follow(store: RegisterStore, log: WatchLog): Promise<void> {
    const { signal } = this.#controller;
    let failures = 0;
    while (!signal.aborted) {
      const from = log.events.at(-1)?.revision ?? log.fromRevision;
      try {
        for await (const event of store.watch(from, signal)) {
          log.events.push(event);
          failures = 0;
        }
      } catch {
        // Whatever ended it: the next try goes on from the last event, and the checks tell whether anything was missed.
        failures++;
      }
      if (signal.aborted) return;
      log.resumptions++;
      await new Promise((resolve) => setTimeout(resolve, Math.min(maxPauseMs, pauseMs * 2 ** failures)));
    }
  }
}
