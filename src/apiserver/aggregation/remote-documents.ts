/** What aggregated API servers say they offer, asked for seldom and kept for a while. */
import type { Clock } from '../../lib/clock.ts';
import type { Aggregator } from './aggregator.ts';
import { type DiscoveredVersion, fromResourceList } from './merge.ts';
import type { RemoteService } from './remote-services.ts';

const keepMs = 10_000;
const timeoutMs = 5_000;
/** Documents that are kept. */
const maxKept = 1_000;

interface Kept {
  readonly atMs: number;
  readonly value: Promise<unknown>;
}

export class RemoteDocuments {
  readonly #aggregator: Aggregator;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(aggregator: Aggregator, clock: Clock) {
    this.#aggregator = aggregator;
    this.#clock = clock;
  }

  /** Never rejects: what cannot be read is stale and empty. */
  async version(remote: RemoteService): Promise<DiscoveredVersion> {
    const { group, version } = remote;
    try {
      const list = (await this.#json(remote, `/apis/${group}/${version}`)) as object;
      return { version, resources: fromResourceList(list, group, version), freshness: 'Current' };
    } catch {
      return { version, freshness: 'Stale' };
    }
  }

  /** Undefined when it cannot be read. */
  async openApiIndex(remote: RemoteService): Promise<object | undefined> {
    try {
      return (await this.#json(remote, '/openapi/v3')) as object;
    } catch {
      return undefined;
    }
  }

  #json(remote: RemoteService, path: string): Promise<unknown> {
    const { uid, resourceVersion } = remote.object.metadata ?? {};
    const key = `${uid} ${resourceVersion} ${path}`;
    const nowMs = this.#clock.monotonicMs();
    const kept = this.#kept.get(key);
    if (kept && nowMs - kept.atMs < keepMs) return kept.value;
    if (this.#kept.size >= maxKept) this.#kept.clear();
    const value = this.#read(remote, path);
    value.catch(() => undefined);
    this.#kept.set(key, { atMs: nowMs, value });
    return value;
  }

  async #read(remote: RemoteService, path: string): Promise<unknown> {
    if (!remote.available) throw new Error('it is not available');
    const { status, body } = await this.#aggregator.fetch(remote, path, AbortSignal.timeout(timeoutMs));
    if (status !== 200) throw new Error(`it answered ${status}`);
    return JSON.parse(body.toString());
  }
}
