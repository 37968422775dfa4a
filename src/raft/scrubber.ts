/**
 * Reads the kept log and the snapshot file again and again, slowly, so that rot is found while other members still have what it
 * destroyed, and not when this member restarts or must send what it no longer has. All reads run on threads of the pool.
 *
 * What is in RocksDB's memory or in the system's page cache is read from there; what has been evicted comes from the disk.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SnapshotMeta } from './core/types.ts';
import { StorageError } from './log-storage.ts';
import { snapshotPath, verifySnapshot } from './snapshot-file.ts';
import { TokenBucket } from './token-bucket.ts';

export const defaultScrubBytesPerSecond = 4 << 20;
/** Between the end of one round and the beginning of the next. */
export const scrubPauseMs = 10 * 60_000;
const burstBytes = 1 << 20;

/** The part of the log storage that can be scrubbed. */
export interface ScrubbedLog {
  snapshot(): SnapshotMeta;
  packs(): readonly number[];
  /** Resolves with the bytes that were read. @throws StorageError */
  verifyPack(first: number): Promise<number>;
}

export interface ScrubberOptions {
  readonly log: ScrubbedLog;
  readonly dataDir: string;
  readonly bytesPerSecond: number;
  readonly pauseMs: number;
  /** Ends the scrubber. */
  readonly onDamage: (error: StorageError) => void;
  readonly nowMs?: () => number;
}

export class Scrubber {
  readonly #options: ScrubberOptions;
  readonly #stop = new AbortController();
  readonly #bucket: TokenBucket;
  readonly #nowMs: () => number;
  /** Bytes read since the start. */
  readBytes = 0;
  rounds = 0;

  constructor(options: ScrubberOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#bucket = new TokenBucket(burstBytes, this.#nowMs());
    this.#run().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) options.onDamage(error as StorageError);
    });
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#round();
      this.rounds++;
      await sleep(this.#options.pauseMs, undefined, { signal: this.#stop.signal, ref: false });
    }
  }

  async #round(): Promise<void> {
    const { log } = this.#options;
    for (const first of log.packs()) await this.#pace(await log.verifyPack(first));
    const snapshot = log.snapshot();
    if (snapshot.index === 0) return;
    try {
      await verifySnapshot(snapshotPath(this.#options.dataDir, snapshot), snapshot, (bytes) => this.#pace(bytes));
    } catch (error) {
      // A newer snapshot may have taken its place, and its file is gone.
      if (error instanceof StorageError && log.snapshot().index === snapshot.index) throw error;
      if (!(error instanceof StorageError)) throw error;
    }
  }

  async #pace(bytes: number): Promise<void> {
    this.readBytes += bytes;
    const pauseMs = this.#bucket.take(bytes, this.#options.bytesPerSecond, this.#nowMs());
    if (pauseMs >= 1) await sleep(pauseMs, undefined, { signal: this.#stop.signal, ref: false });
    this.#stop.signal.throwIfAborted();
  }
}
