/** A client with the usual retry: what failed for want of a connection or of a server in order is tried again, as client libraries do by themselves. */
import { ApiError } from '../../../src/api/status.ts';
import { resources } from '../../../src/api/types.ts';
import type { HttpClient } from '../../../src/client/http-client.ts';
import { connect } from '../../support/writer.ts';

/** As often as client-go tries a request again, and for about as long as its first pauses. */
const attempts = 10;
const firstPauseMs = 10;
const maxPauseMs = 1_000;

export interface RetryingHistory {
  /** Acknowledged, the names of ConfigMaps and the moments on a monotonic clock. */
  readonly acknowledged: string[];
  readonly acknowledgedAtMs: number[];
  /** Calls that failed for good. */
  readonly failures: string[];
  retries: number;
}

/** Open loop: every call begins when it is due, however slow others are. Half of the calls write, half read what was written. */
export class RetryingWriter {
  readonly history: RetryingHistory = { acknowledged: [], acknowledgedAtMs: [], failures: [], retries: 0 };
  readonly #client: HttpClient;
  readonly #namespace: string;
  readonly #prefix: string;
  readonly #timer: NodeJS.Timeout;
  readonly #pending = new Set<Promise<void>>();
  #next = 0;

  constructor(kubeconfigFile: string, namespace: string, prefix: string, perSecond: number) {
    this.#client = connect(kubeconfigFile);
    this.#namespace = namespace;
    this.#prefix = prefix;
    const startedMs = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1000);
      while (this.#next < due) this.#begin(this.#next++);
    }, 5);
  }

  async stop(): Promise<RetryingHistory> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    this.#client.close();
    return this.history;
  }

  #begin(n: number): void {
    const known = this.history.acknowledged.at(-1);
    const promise = n % 2 === 0 || known === undefined ? this.#write(`${this.#prefix}-${n}`) : this.#read(known);
    this.#pending.add(promise);
    void promise.finally(() => this.#pending.delete(promise));
  }

  async #write(name: string): Promise<void> {
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: this.#namespace, name },
      data: { name },
    };
    const written = await this.#retry(name, async (attempt) => {
      try {
        await this.#client.create(resources.configMaps, object);
      } catch (error) {
        // The first try arrived, only its answer did not.
        if (attempt === 0 || !(error instanceof ApiError) || error.reason !== 'AlreadyExists') throw error;
      }
    });
    if (!written) return;
    this.history.acknowledged.push(name);
    this.history.acknowledgedAtMs.push(performance.now());
  }

  async #read(name: string): Promise<void> {
    await this.#retry(name, async () => {
      await this.#client.get(resources.configMaps, { namespace: this.#namespace, name });
    });
  }

  async #retry(what: string, call: (attempt: number) => Promise<void>): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      try {
        await call(attempt);
        return true;
      } catch (error) {
        if (attempt + 1 >= attempts || !isRetryable(error)) {
          this.history.failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
          return false;
        }
        this.history.retries++;
        await new Promise((resolve) => setTimeout(resolve, Math.min(maxPauseMs, firstPauseMs * 2 ** attempt)));
      }
    }
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof ApiError && (error.code >= 500 || error.reason === 'TooManyRequests');
}
