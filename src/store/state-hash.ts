/**
 * A hash over a set of versions and leases that is kept up to date as they come and go, so that replicas can be compared at any time without
 * reading their state. Each item is hashed into 64 bits (two lanes of MurmurHash3 x86_32 with different seeds, over all its fields); the hash
 * of the set is the lane-wise sum, which does not depend on the order. Finds divergence, not forgery.
 *
 * Replicas of different releases compare these: an item that existed before must hash as before.
 */
import { endianness } from 'node:os';
import { assert } from '../lib/assert.ts';
import type { LeaseRecord } from './lease-table.ts';
import type { Slab } from './value-memory.ts';
import type { Version } from './version.ts';

assert(endianness() === 'LE', 'values are hashed in words as a little-endian processor reads them');

const seedA = 0x9747b28c;
const seedB = 0x3c6ef372;

export class StateHash {
  #a = 0;
  #b = 0;

  add(version: Version): void {
    hashVersion(version);
    this.#a = (this.#a + laneA) | 0;
    this.#b = (this.#b + laneB) | 0;
  }

  remove(version: Version): void {
    hashVersion(version);
    this.#a = (this.#a - laneA) | 0;
    this.#b = (this.#b - laneB) | 0;
  }

  addLease(lease: LeaseRecord): void {
    hashLease(lease);
    this.#a = (this.#a + laneA) | 0;
    this.#b = (this.#b + laneB) | 0;
  }

  removeLease(lease: LeaseRecord): void {
    hashLease(lease);
    this.#a = (this.#a - laneA) | 0;
    this.#b = (this.#b - laneB) | 0;
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return hex(this.#a) + hex(this.#b);
  }

  /** The first lane, unsigned. */
  word(): number {
    return this.#a >>> 0;
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

/** The lanes of the hash under way: two numbers that need no object. */
let laneA = 0;
let laneB = 0;

function hashVersion(version: Version): void {
  const { key, length, offset, slab } = version;
  laneA = seedA;
  laneB = seedB;
  for (let i = 0; i < key.length; i++) mix(key.charCodeAt(i));
  mixBytes(slab, offset, length);
  mixNumber(key.length);
  mixNumber(length);
  mixNumber(version.createRevision);
  mixNumber(version.modRevision);
  mixNumber(version.version);
  if (version.leaseId !== undefined) mixId(version.leaseId);
  finish();
}

/** In words as they lie in memory, with local lanes: this loop is most of the work. */
function mixBytes({ bytes, words }: Slab, offset: number, length: number): void {
  let a = laneA;
  let b = laneB;
  const end = offset + length;
  const wordsEnd = (offset + length) >>> 2;
  for (let i = offset >>> 2; i < wordsEnd; i++) {
    let k = Math.imul(words[i]!, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    a ^= k;
    b ^= k;
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    b = (Math.imul((b << 13) | (b >>> 19), 5) + 0xe6546b64) | 0;
  }
  laneA = a;
  laneB = b;
  for (let i = wordsEnd * 4; i < end; i++) mix(bytes[i]!);
}

function hashLease(lease: LeaseRecord): void {
  laneA = seedA;
  laneB = seedB;
  mixId(lease.id);
  mixNumber(lease.ttlSeconds);
  mixNumber(lease.renewals);
  mixNumber(lease.remainingMs);
  finish();
}

function finish(): void {
  laneA = finalMix(laneA);
  laneB = finalMix(laneB);
}

function finalMix(lane: number): number {
  let hash = lane ^ (lane >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mixNumber(number: number): void {
  mix(number | 0);
  mix(Math.floor(number / 0x1_0000_0000));
}

function mixId(id: bigint): void {
  mix(Number(BigInt.asIntN(32, id)));
  mix(Number(BigInt.asIntN(32, id >> 32n)));
}

function mix(word: number): void {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  laneA ^= k;
  laneB ^= k;
  laneA = (Math.imul((laneA << 13) | (laneA >>> 19), 5) + 0xe6546b64) | 0;
  laneB = (Math.imul((laneB << 13) | (laneB >>> 19), 5) + 0xe6546b64) | 0;
}
