/** A client that writes at a steady pace through kills and elections, and remembers what was acknowledged and when. */
import type { ConfigMap } from '../../src/api/generated/types/core-v1.ts';
import { ApiError } from '../../src/api/status.ts';
import { resources } from '../../src/api/types.ts';
import { HttpClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';

export interface WriteHistory {
  /** Name of each ConfigMap whose creation was acknowledged. */
  readonly acknowledged: string[];
  /** Moments of acknowledgement, milliseconds on a monotonic clock. */
  readonly acknowledgedAtMs: number[];
  readonly failures: string[];
}

export function connect(kubeconfigFile: string): HttpClient {
  return new HttpClient(loadKubeconfig(kubeconfigFile));
}

/** Creates ConfigMaps `<prefix>-<n>` in `namespace`, open loop: a slow answer does not slow the next request. Each is tried once. */
export class SteadyWriter {
  readonly history: WriteHistory = { acknowledged: [], acknowledgedAtMs: [], failures: [] };
  readonly #client: HttpClient;
  readonly #timer: NodeJS.Timeout;
  readonly #pending = new Set<Promise<void>>();
  #next = 0;

  constructor(kubeconfigFile: string, namespace: string, prefix: string, perSecond: number) {
    this.#client = connect(kubeconfigFile);
    const startedMs = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1000);
      while (this.#next < due) this.#write(namespace, `${prefix}-${this.#next++}`);
    }, 5);
  }

  async stop(): Promise<WriteHistory> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    this.#client.close();
    return this.history;
  }

  #write(namespace: string, name: string): void {
    const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: { name } };
    const promise = this.#client.create(resources.configMaps, object).then(
      () => {
        this.history.acknowledged.push(name);
        this.history.acknowledgedAtMs.push(performance.now());
      },
      (error: unknown) => {
        // A retry of the transport may meet its own first try: that one was written, but nobody was told.
        this.history.failures.push(`${name}: ${error instanceof ApiError ? error.reason : String(error)}`);
      },
    );
    this.#pending.add(promise);
    void promise.finally(() => this.#pending.delete(promise));
  }
}

export function longestGapMs(timesMs: readonly number[]): number {
  const sorted = [...timesMs].sort((a, b) => a - b);
  let longest = 0;
  for (let i = 1; i < sorted.length; i++) longest = Math.max(longest, sorted[i]! - sorted[i - 1]!);
  return longest;
}
