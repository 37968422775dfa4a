/** What a node does for itself while pods run: keeps logs and images within bounds and, when it is short of something, gives up pods. */

import { join } from 'node:path';
import type { ContainerImage } from '../../api/generated/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { EvictionManager } from '../eviction/eviction-manager.ts';
import { readSignals } from '../eviction/signals.ts';
import { DEFAULT_THRESHOLDS, NO_PRESSURE, type Pressure, type SignalName } from '../eviction/thresholds.ts';
import { sampledPod } from '../node-pages.ts';
import { containerLogPath } from '../pod/container-spec.ts';
import type { PodWorker } from '../pod/worker.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { StatsCollector } from '../stats/collector.ts';
import type { PodStorage } from '../volumes/pod-storage.ts';
import { ImageCollector } from './image-collector.ts';
import { DEFAULT_ROTATION, type RotationLimits, rotateLog } from './log-rotation.ts';

const MIN_ROUND_MS = 5_000;
const IMAGE_INTERVAL_MS = 300_000;
const FORGOTTEN_INTERVAL_MS = 20_000;
/** As many as kubelet reports; the largest ones. */
const REPORTED_IMAGES = 50;
const NAMES_PER_IMAGE = 5;

export interface HousekeepingSettings {
  /** As kubelet's: `memory.available: 100Mi`, `nodefs.available: 10%`. What is not named is not looked at. */
  readonly evictionHard?: Readonly<Partial<Record<SignalName, string>>>;
  /** Percent of the images' disk in use. Default 85 and 80. */
  readonly imageGcHighThresholdPercent?: number;
  readonly imageGcLowThresholdPercent?: number;
  /** Of one container. Default 10 MiB and 5. */
  readonly containerLogMaxBytes?: number;
  readonly containerLogMaxFiles?: number;
}

export interface HousekeepingOptions {
  readonly settings: HousekeepingSettings;
  readonly dataDir: string;
  readonly runtime: Runtime;
  readonly storage: PodStorage;
  readonly stats: StatsCollector;
  readonly workers: ReadonlyMap<string, PodWorker>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #images: ImageCollector;
  readonly #eviction: EvictionManager;
  readonly #rotation: RotationLimits;
  #isLooking = false;
  #roundDueMs = 0;
  #imagesDueMs = 0;
  #forgottenDueMs = 0;
  #pressure = NO_PRESSURE;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    const { settings, runtime, stats, workers, dataDir, clock, logger } = options;
    this.#rotation = {
      maxBytes: settings.containerLogMaxBytes ?? DEFAULT_ROTATION.maxBytes,
      maxFiles: Math.max(2, settings.containerLogMaxFiles ?? DEFAULT_ROTATION.maxFiles),
    };
    this.#images = new ImageCollector({
      runtime,
      used: () => usedImages(workers.values()),
      highPercent: settings.imageGcHighThresholdPercent ?? 85,
      lowPercent: settings.imageGcLowThresholdPercent ?? 80,
      clock,
      logger,
    });
    this.#eviction = new EvictionManager({
      thresholds: settings.evictionHard ?? DEFAULT_THRESHOLDS,
      signals: () => readSignals(dataDir, this.#images.path),
      pods: () => workers.values(),
      usage: async (pod) => {
        const worker = workers.get(pod.metadata.uid);
        const sampled = worker && sampledPod(worker);
        return sampled && stats.usageOf(sampled);
      },
      reclaimDisk: () => this.#images.reclaim(),
      clock,
      logger,
    });
  }

  /** For the node's status. */
  get images(): ContainerImage[] {
    return this.#images.images
      .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, REPORTED_IMAGES)
      .map(({ digests, tags, sizeBytes }) => ({ names: [...digests, ...tags].slice(0, NAMES_PER_IMAGE), sizeBytes }));
  }

  /** As of the last round. */
  get pressure(): Pressure {
    return this.#pressure;
  }

  /** One round, not two at a time: a runtime that hangs holds up this, and nothing else. What fails is tried again in the next one. */
  async look(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    // A node that is not ready is looked at more often than this is worth.
    if (this.#isLooking || nowMs < this.#roundDueMs) return;
    this.#roundDueMs = nowMs + MIN_ROUND_MS;
    this.#isLooking = true;
    await this.#round();
    this.#isLooking = false;
  }

  async #round(): Promise<void> {
    const { clock } = this.#options;
    await this.#attempt('logs', () => this.#rotateLogs());
    if (clock.monotonicMs() >= this.#imagesDueMs) {
      await this.#attempt('images', async () => {
        await this.#images.look();
        this.#imagesDueMs = clock.monotonicMs() + IMAGE_INTERVAL_MS;
      });
    }
    if (clock.monotonicMs() >= this.#forgottenDueMs) {
      this.#forgottenDueMs = clock.monotonicMs() + FORGOTTEN_INTERVAL_MS;
      await this.#attempt('forgotten processes', async () => this.#options.runtime.endForgotten?.());
    }
    await this.#attempt('evictions', async () => {
      this.#pressure = await this.#eviction.look();
    });
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.logger.warn({ err: error }, `housekeeping of ${what} failed`);
    }
  }

  async #rotateLogs(): Promise<void> {
    const { workers, storage, runtime, clock, logger } = this.#options;
    for (const { pod, seen } of workers.values()) {
      const folder = storage.logDirectory(pod.metadata);
      for (const { id, name, attempt, state } of seen.containers) {
        if (state !== 'running') continue;
        const path = join(folder, containerLogPath(name, attempt));
        try {
          await rotateLog(path, this.#rotation, clock.nowMs(), () => runtime.reopenLog(id));
        } catch (error) {
          logger.warn({ err: error, path }, 'log not rotated');
        }
      }
    }
  }
}

function usedImages(workers: Iterable<PodWorker>): Set<string> {
  const used = new Set<string>();
  for (const { seen, pod } of workers) {
    for (const { image, imageId } of seen.containers) used.add(image).add(imageId);
    // Those of containers that are still to be made.
    for (const { image } of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) if (image) used.add(image);
  }
  return used;
}
