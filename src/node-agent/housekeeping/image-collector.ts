/** Removes images by the thresholds of the disk, and everything that is not used when pods would have to go otherwise. */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Runtime, RuntimeImage } from '../runtime/runtime.ts';
import { fileSystemUsage } from '../stats/disk-usage.ts';
import { bytesOver, imagesToRemove, isUsed } from './image-collection.ts';

const MIN_AGE_MS = 120_000;

export interface ImageCollectorOptions {
  readonly runtime: Runtime;
  /** Names of the images of all containers that are there. */
  readonly used: () => ReadonlySet<string>;
  /** Percent of the images' disk in use: from where on images are removed, and down to where. */
  readonly highPercent: number;
  readonly lowPercent: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #lastUsedMs = new Map<string, number>();
  #images: readonly RuntimeImage[] = [];
  #path: string | undefined;

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
  }

  /** As of the last look. */
  get images(): readonly RuntimeImage[] {
    return this.#images;
  }

  /** In the file system of images; undefined until it was asked for. */
  get path(): string | undefined {
    return this.#path;
  }

  /** @throws RuntimeError */
  async look(): Promise<void> {
    const { runtime, highPercent, lowPercent } = this.#options;
    await this.#note();
    this.#path = (await runtime.imageFileSystem()).path;
    // Its folder may not be visible from here.
    const disk = await fileSystemUsage(this.#path).catch(() => undefined);
    const over = disk ? bytesOver(disk, highPercent, lowPercent) : 0;
    if (over > 0) await this.#remove(over);
  }

  /** Everything that is not used. Resolves with the bytes of what was removed. */
  async reclaim(): Promise<number> {
    await this.#note();
    return this.#remove(Number.POSITIVE_INFINITY);
  }

  async #note(): Promise<void> {
    const { runtime, used, clock } = this.#options;
    this.#images = await runtime.listImages();
    const inUse = used();
    const nowMs = clock.nowMs();
    const known = new Set(this.#images.map(({ id }) => id));
    for (const id of this.#lastUsedMs.keys()) if (!known.has(id)) this.#lastUsedMs.delete(id);
    for (const image of this.#images) {
      if (!this.#lastUsedMs.has(image.id) || isUsed(image, inUse)) this.#lastUsedMs.set(image.id, nowMs);
    }
  }

  async #remove(bytesToFree: number): Promise<number> {
    const { runtime, used, clock, logger } = this.#options;
    const input = { images: this.#images, used: used(), lastUsedMs: this.#lastUsedMs, nowMs: clock.nowMs() };
    let freed = 0;
    for (const image of imagesToRemove({ ...input, bytesToFree, minAgeMs: MIN_AGE_MS })) {
      try {
        await runtime.removeImage(image.id);
        freed += image.sizeBytes;
        logger.info({ image: image.tags[0] ?? image.id, bytes: image.sizeBytes }, 'image removed');
      } catch (error) {
        logger.warn({ err: error, image: image.id }, 'image not removed');
      }
    }
    return freed;
  }
}
