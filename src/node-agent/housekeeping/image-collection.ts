/** Which images a node that has little disk left can do without: those that no container uses, the longest unused first. Pure. */
import type { RuntimeImage } from '../runtime/runtime.ts';

export interface ImageCollectionInput {
  readonly images: readonly RuntimeImage[];
  /** Every name by which containers know their images: ids, tags, digests. */
  readonly used: ReadonlySet<string>;
  /** By id: when it was last seen in use, or first seen at all. */
  readonly lastUsedMs: ReadonlyMap<string, number>;
  readonly nowMs: number;
  readonly bytesToFree: number;
  /** A pod may be about to use what was just pulled. */
  readonly minAgeMs: number;
}

/** Images that are made on the node cannot be pulled again. */
const LOCAL_REGISTRY = 'trimast.local/';

export function imagesToRemove(input: ImageCollectionInput): RuntimeImage[] {
  const { images, used, lastUsedMs, nowMs, minAgeMs } = input;
  const at = (image: RuntimeImage) => lastUsedMs.get(image.id) ?? nowMs;
  const candidates = images
    .filter((image) => !isKept(image) && !isUsed(image, used) && nowMs - at(image) >= minAgeMs)
    .sort((a, b) => at(a) - at(b));
  const chosen: RuntimeImage[] = [];
  let freed = 0;
  for (const image of candidates) {
    if (freed >= input.bytesToFree) break;
    chosen.push(image);
    freed += image.sizeBytes;
  }
  return chosen;
}

export function isUsed({ id, tags, digests }: RuntimeImage, used: ReadonlySet<string>): boolean {
  return [id, ...tags, ...digests].some((name) => used.has(name));
}

function isKept({ pinned, tags }: RuntimeImage): boolean {
  return pinned || tags.some((tag) => tag.startsWith(LOCAL_REGISTRY));
}

/** How much is too much: above `highPercent` in use, free until `lowPercent`. 0 while there is enough. */
export function bytesOver(
  fileSystem: { readonly capacityBytes: number; readonly availableBytes: number },
  highPercent: number,
  lowPercent: number,
): number {
  const used = fileSystem.capacityBytes - fileSystem.availableBytes;
  if (used * 100 < fileSystem.capacityBytes * highPercent) return 0;
  return Math.ceil(used - (fileSystem.capacityBytes * lowPercent) / 100);
}
