/**
 * A hash over a set of versions that is kept up to date as versions come and go, so that replicas can be compared at any time without
 * reading their state. Each version is hashed into 64 bits (two lanes of MurmurHash3 x86_32 with different seeds, over key, value and
 * revisions); the hash of the set is the lane-wise sum, which does not depend on the order. Finds divergence, not forgery.
 */
import type { KeyValue } from './types.ts';

export class StateHash {
  #a = 0;
  #b = 0;

  add(version: KeyValue): void {
    this.#a = (this.#a + hashVersion(version, 0x9747b28c)) | 0;
    this.#b = (this.#b + hashVersion(version, 0x3c6ef372)) | 0;
  }

  remove(version: KeyValue): void {
    this.#a = (this.#a - hashVersion(version, 0x9747b28c)) | 0;
    this.#b = (this.#b - hashVersion(version, 0x3c6ef372)) | 0;
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return hex(this.#a) + hex(this.#b);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

function hashVersion(version: KeyValue, seed: number): number {
  const { key, value } = version;
  let hash = seed;
  for (let i = 0; i < key.length; i++) hash = mix(hash, key.charCodeAt(i));
  const wholeWords = value.length & ~3;
  for (let i = 0; i < wholeWords; i += 4)
    hash = mix(hash, value[i]! | (value[i + 1]! << 8) | (value[i + 2]! << 16) | (value[i + 3]! << 24));
  for (let i = wholeWords; i < value.length; i++) hash = mix(hash, value[i]!);
  hash = mixNumber(hash, key.length);
  hash = mixNumber(hash, value.length);
  hash = mixNumber(hash, version.createRevision);
  hash = mixNumber(hash, version.modRevision);
  hash = mixNumber(hash, version.version);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mixNumber(hash: number, number: number): number {
  return mix(mix(hash, number | 0), Math.floor(number / 0x1_0000_0000));
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const mixed = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
