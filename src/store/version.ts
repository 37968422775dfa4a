/**
 * What a key was from one revision on. A deletion is a version too: a tombstone, with `version` 0 and no bytes. Many of these exist, so a
 * field more is 8 bytes times the number of versions.
 */
import type { KeyValue } from './types.ts';
import { emptySlab, type Slab } from './value-memory.ts';

export const noBytes: Uint8Array = emptySlab.bytes;

export class Version implements KeyValue {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly leaseId: bigint | undefined;
  // --- changed by value-memory.ts only ---
  slab: Slab = emptySlab;
  offset = 0;
  length = 0;
  /** Its bytes are counted in their slab. */
  held = false;
  /** What `value` returned last. */
  view: Uint8Array | undefined = undefined;

  constructor(
    key: string,
    createRevision: number,
    modRevision: number,
    version: number,
    leaseId: bigint | undefined = undefined,
  ) {
    this.key = key;
    this.createRevision = createRevision;
    this.modRevision = modRevision;
    this.version = version;
    this.leaseId = leaseId;
  }

  get value(): Uint8Array {
    if (this.view) return this.view;
    if (this.length === 0) return noBytes;
    const { bytes } = this.slab;
    this.view = Buffer.from(bytes.buffer, bytes.byteOffset + this.offset, this.length);
    return this.view;
  }
}

export function isTombstone(version: KeyValue): boolean {
  return version.version === 0;
}
