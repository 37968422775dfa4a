/** Stands in for `@nxtedition/rocksdb`: the part of it that `src/raft/rocksdb.d.ts` names, over a simulated disk. */
import type { Lane } from '../runtime/lane.ts';
import type { Disk, KeyOperation } from './disk.ts';
import { mounted } from './mounted.ts';

const text = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');

class Batch {
  readonly #disk: Disk;
  readonly #lane: Lane;
  #operations: KeyOperation[] = [];

  constructor(disk: Disk, lane: Lane) {
    this.#disk = disk;
    this.#lane = lane;
  }

  put(key: Uint8Array, value: Uint8Array): this {
    this._put(key, value);
    return this;
  }

  del(key: Uint8Array): this {
    this._del(key);
    return this;
  }

  clear(): this {
    this.#operations = [];
    return this;
  }

  write({ sync }: { sync: boolean }, callback: (error?: Error | null) => void): void {
    const write = this.#disk.put(this.#operations);
    this.#operations = [];
    this.#lane.at(this.#disk.delayMs, () => {
      if (sync) this.#disk.syncTo(write);
      callback(null);
    });
  }

  _put(key: Uint8Array, value: Uint8Array): void {
    this.#operations.push({ key: text(key), value: Buffer.from(value) });
  }

  _del(key: Uint8Array): void {
    this.#operations.push({ key: text(key), value: undefined });
  }

  _writeSync({ sync }: { sync: boolean }): void {
    const write = this.#disk.put(this.#operations);
    if (sync) this.#disk.syncTo(write);
  }
}

export class RocksLevel {
  readonly #disk: Disk;
  readonly #lane: Lane;
  readonly handle = 1n;
  status: 'opening' | 'open' | 'closing' | 'closed' = 'opening';

  constructor(_location: string | bigint, _options?: object) {
    const { disk, lane } = mounted();
    this.#disk = disk;
    this.#lane = lane;
  }

  async open(_options?: Record<string, unknown>): Promise<void> {
    this.status = 'open';
  }

  async close(): Promise<void> {
    this.status = 'closed';
  }

  batch(): Batch {
    return new Batch(this.#disk, this.#lane);
  }

  async getMany(keys: Uint8Array[]): Promise<(Buffer | undefined)[]> {
    return keys.map((key) => this.#disk.get(text(key)));
  }

  querySync({ gte, lt, limit = Number.POSITIVE_INFINITY }: { gte?: Uint8Array; lt?: Uint8Array; limit?: number }): {
    rows: Buffer[];
    finished: boolean;
  } {
    const from = gte ? text(gte) : '';
    const to = lt ? text(lt) : '\u0100';
    const found = this.#disk.scan(from, to, limit);
    const rows = found.flatMap(([key, value]) => [Buffer.from(key, 'latin1'), value]);
    return { rows, finished: found.length < limit };
  }
}
