/**
 * Where values live: slabs outside the JavaScript heap, filled one after the other. A value of its own buffer would cost some 350 bytes
 * beside its bytes, and a part of a received message would keep the whole message alive.
 *
 * A version's bytes may move: once less than `minLivePart` of a full slab is used, what still is moves to the newest slab. A version that was
 * released keeps its old slab readable for whoever still holds the version; the garbage collector frees slabs that nobody refers to. Invariant:
 * `live` of a slab is the sum of the places of its held versions: their lengths, rounded up to whole words.
 */
import { assert } from '../lib/assert.ts';
import type { Version } from './version.ts';

const slabBytes = 128 * 1024;
/** Larger values get memory of their own, of just their size. */
const maxSharedBytes = slabBytes / 8;
/** So that moving what is left of a slab is short work; of values so small that this counts, at most 32 bytes each are wasted. */
const maxSlabVersions = 4_096;
/** Below this a slab is emptied: with 0.7 a byte is moved about twice in its life and at most 3 in 10 are wasted. */
const minLivePart = 0.7;

export interface Slab {
  readonly bytes: Buffer;
  /** The same memory; values begin at whole words. */
  readonly words: Int32Array;
  readonly versions: Version[] | undefined;
  used: number;
  live: number;
}

export const emptySlab: Slab = newSlab(0, false);

export class ValueMemory {
  #newest: Slab | undefined;
  #allocatedBytes = 0;

  /** Of all slabs with something live in them. */
  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  /** Copies the value into memory of ours and holds it for `version`. */
  hold(version: Version, value: Uint8Array): void {
    const { length } = value;
    if (length > 0) this.#put(version, value, 0, length);
    version.held = true;
  }

  release(version: Version): void {
    assert(version.held, 'a value is released once', { key: version.key, revision: version.modRevision });
    version.held = false;
    const { slab, length } = version;
    if (length === 0) return;
    slab.live -= placeOf(length);
    if (slab === this.#newest) return;
    if (slab.live === 0) this.#allocatedBytes -= slab.bytes.length;
    else if (slab.versions && slab.live < slab.used * minLivePart) this.#empty(slab);
  }

  #put(version: Version, source: Uint8Array, start: number, length: number): void {
    const slab = length > maxSharedBytes ? newSlab(length, false) : this.#slabFor(length);
    if (!slab.versions) this.#allocatedBytes += length;
    const whole = start === 0 && length === source.length;
    slab.bytes.set(whole ? source : source.subarray(start, start + length), slab.used);
    version.slab = slab;
    version.offset = slab.used;
    version.length = length;
    version.view = undefined;
    slab.used += placeOf(length);
    slab.live += placeOf(length);
    slab.versions?.push(version);
  }

  #slabFor(length: number): Slab {
    const newest = this.#newest;
    if (newest && newest.used + length <= slabBytes && newest.versions!.length < maxSlabVersions) return newest;
    const slab = newSlab(slabBytes, true);
    this.#newest = slab;
    this.#allocatedBytes += slabBytes;
    // What was released while the slab was the newest one was not acted upon.
    if (newest?.live === 0) this.#allocatedBytes -= slabBytes;
    else if (newest && newest.live < newest.used * minLivePart) this.#empty(newest);
    return this.#slabFor(length);
  }

  #empty(slab: Slab): void {
    const { bytes, versions } = slab;
    this.#allocatedBytes -= bytes.length;
    slab.live = 0;
    for (const version of versions!) {
      if (version.held && version.slab === slab) this.#put(version, bytes, version.offset, version.length);
    }
    versions!.length = 0;
  }
}

/** Values begin at whole words. Counted so on both sides, or a full slab of tiny values would look half empty and be moved for ever. */
function placeOf(length: number): number {
  return (length + 3) & ~3;
}

function newSlab(size: number, shared: boolean): Slab {
  const bytes = Buffer.allocUnsafeSlow(size);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, size >>> 2);
  return { bytes, words, versions: shared ? [] : undefined, used: 0, live: 0 };
}
