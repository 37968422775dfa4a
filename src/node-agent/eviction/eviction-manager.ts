/**
 * Looks at what the node is short of and, one at a time, gives up pods until it is not. First it takes back what nobody needs (images); after an
 * eviction it waits until the pod is gone, since only then the node has what it used.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { WantedPod } from '../pod/types.ts';
import { diskLimitProblem, evictionMessage, hasDiskLimits, type PodUsage, rankPods } from './rank.ts';
import {
  type LastCaused,
  lastCaused,
  NEVER_CAUSED,
  type Pressure,
  pressureAt,
  type Shortage,
  type Signal,
  type SignalName,
  shortages,
} from './thresholds.ts';

/** A pod that has not ended by then does not keep the next one from being evicted. */
const WAIT_FOR_EVICTED_MS = 30_000;
/** A pod that is given up for the node's sake gets no time to speak of. */
const NODE_GRACE_MS = 1_000;

export interface Evictable {
  readonly pod: WantedPod;
  /** Undefined once the pod is over. */
  readonly admitted: WantedPod | undefined;
  evict(message: string, graceMs: number): void;
}

export interface EvictionOptions {
  readonly thresholds: Readonly<Partial<Record<SignalName, string>>>;
  readonly signals: () => Promise<readonly Signal[]>;
  readonly pods: () => Iterable<Evictable>;
  /** Undefined when the pod does not run. */
  readonly usage: (pod: WantedPod) => Promise<PodUsage | undefined>;
  /** Frees disk that nobody needs; resolves with the bytes. */
  readonly reclaimDisk: () => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class EvictionManager {
  readonly #options: EvictionOptions;
  #caused: LastCaused = NEVER_CAUSED;
  #evicted: { readonly target: Evictable; readonly atMs: number } | undefined;

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  /** One look. @throws Error when the machine cannot be asked */
  async look(): Promise<Pressure> {
    const { signals, thresholds, clock } = this.#options;
    const short = shortages(await signals(), thresholds);
    this.#caused = lastCaused(this.#caused, short, clock.nowMs());
    await this.#enforceDiskLimits();
    const [first] = short;
    if (first && !this.#isWaiting()) await this.#relieve(first);
    return pressureAt(this.#caused, clock.nowMs());
  }

  async #relieve(shortage: Shortage): Promise<void> {
    const { signals, thresholds, reclaimDisk, logger } = this.#options;
    logger.warn({ ...shortage }, 'the node is short of something');
    if (shortage.scarce === 'ephemeral-storage' || shortage.scarce === 'inodes') {
      const freed = await reclaimDisk();
      if (freed > 0 && !shortages(await signals(), thresholds).some(({ signal }) => signal === shortage.signal)) return;
    }
    const usages = new Map<PodUsage, Evictable>();
    for (const target of this.#options.pods()) {
      const usage = target.admitted && (await this.#options.usage(target.admitted));
      if (usage) usages.set(usage, target);
    }
    const [worst] = rankPods([...usages.keys()], shortage.scarce);
    if (!worst) return;
    this.#evict(usages.get(worst)!, evictionMessage(worst, shortage), NODE_GRACE_MS);
  }

  /** Independent of what the node has: such a pod breaks its own promise. */
  async #enforceDiskLimits(): Promise<void> {
    for (const target of this.#options.pods()) {
      if (!target.admitted || !hasDiskLimits(target.admitted)) continue;
      const usage = await this.#options.usage(target.admitted);
      const problem = usage && diskLimitProblem(usage);
      if (problem !== undefined) this.#evict(target, problem, NODE_GRACE_MS);
    }
  }

  #evict(target: Evictable, message: string, graceMs: number): void {
    const { namespace, name } = target.pod.metadata;
    this.#options.logger.warn({ pod: `${namespace}/${name}`, reason: message }, 'pod evicted');
    this.#evicted = { target, atMs: this.#options.clock.monotonicMs() };
    target.evict(message, graceMs);
  }

  #isWaiting(): boolean {
    if (!this.#evicted) return false;
    const { target, atMs } = this.#evicted;
    return target.admitted !== undefined && this.#options.clock.monotonicMs() - atMs < WAIT_FOR_EVICTED_MS;
  }
}
