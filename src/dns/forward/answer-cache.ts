/** Answers of other servers while they hold: least recently used first out, bounded in number and bytes. */
import type { Clock } from '../../lib/clock.ts';
import { forward } from '../limits.ts';
import type { UpstreamAnswer } from './upstream-message.ts';

interface Entry {
  readonly answer: UpstreamAnswer;
  readonly storedAtMs: number;
  readonly expiresAtMs: number;
}

interface CacheLimits {
  readonly maxCached: number;
  readonly maxCachedBytes: number;
}

export class AnswerCache {
  readonly #clock: Clock;
  readonly #limits: CacheLimits;
  /** In the order of last use. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(clock: Clock, limits: CacheLimits = forward) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  put(key: string, answer: UpstreamAnswer): void {
    this.#remove(key);
    if (answer.ttl === 0 || answer.bytes.length > this.#limits.maxCachedBytes / 16) return;
    const storedAtMs = this.#clock.monotonicMs();
    this.#entries.set(key, { answer, storedAtMs, expiresAtMs: storedAtMs + answer.ttl * 1_000 });
    this.#bytes += answer.bytes.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.maxCached && this.#bytes <= this.#limits.maxCachedBytes) break;
      this.#remove(oldest);
    }
  }

  /** A copy with what is left of its TTLs. */
  get(key: string): Buffer | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    const nowMs = this.#clock.monotonicMs();
    this.#entries.delete(key);
    if (nowMs >= entry.expiresAtMs) {
      this.#bytes -= entry.answer.bytes.length;
      return undefined;
    }
    this.#entries.set(key, entry);
    const copy = Buffer.from(entry.answer.bytes);
    const ageSeconds = Math.floor((nowMs - entry.storedAtMs) / 1_000);
    for (const offset of entry.answer.ttlOffsets)
      copy.writeUInt32BE(Math.max(0, (copy.readUInt32BE(offset) & 0x7fff_ffff) - ageSeconds), offset);
    return copy;
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.answer.bytes.length;
  }
}
