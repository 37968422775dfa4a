/** Renewals of one turn of the event loop become one command: there may be thousands of clients, each with its own lease. */
import { maxLeasesPerCommand } from './limits.ts';
import { StoreError, type WriteOptions } from './types.ts';

type Ttls = readonly (number | undefined)[];

interface Call {
  readonly ids: readonly bigint[];
  resolve(ttlSeconds: (number | undefined)[]): void;
  reject(error: unknown): void;
}

export class KeepAliveBatcher {
  readonly #propose: (ids: readonly bigint[], options: WriteOptions) => Promise<Ttls>;
  #calls: Call[] = [];
  #leases = 0;

  constructor(propose: (ids: readonly bigint[], options: WriteOptions) => Promise<Ttls>) {
    this.#propose = propose;
  }

  /** What each id has again. A call waits for its batch as long as any proposal may take, unless it is fenced. */
  keepAlive(ids: readonly bigint[], options: WriteOptions): Promise<(number | undefined)[]> {
    if (ids.length > maxLeasesPerCommand)
      return Promise.reject(
        new StoreError('too-many-operations', `${ids.length} leases in a call; the limit is ${maxLeasesPerCommand}`),
      );
    // What is fenced travels alone: others must not be refused with it.
    if (options.fenceTerm !== undefined) return this.#propose(ids, options).then((ttlSeconds) => [...ttlSeconds]);
    if (this.#leases + ids.length > maxLeasesPerCommand) this.#flush();
    this.#leases += ids.length;
    return new Promise((resolve, reject) => {
      this.#calls.push({ ids, resolve, reject });
      if (this.#calls.length > 1) return;
      const calls = this.#calls;
      setImmediate(() => {
        if (this.#calls === calls) this.#flush();
      });
    });
  }

  #flush(): void {
    const calls = this.#calls;
    this.#calls = [];
    this.#leases = 0;
    // The same lease twice in a batch is one renewal.
    const ids = [...new Set(calls.flatMap((call) => call.ids))];
    this.#propose(ids, {}).then(
      (ttlSeconds) => {
        const byId = new Map(ids.map((id, i) => [id, ttlSeconds[i]]));
        for (const call of calls) call.resolve(call.ids.map((id) => byId.get(id)));
      },
      (error: unknown) => {
        for (const call of calls) call.reject(error);
      },
    );
  }
}
