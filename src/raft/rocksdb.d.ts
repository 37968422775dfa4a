/** The part of @nxtedition/rocksdb 12 that we use; the package ships no types. */
declare module '@nxtedition/rocksdb' {
  export interface RocksBatch {
    put(key: Uint8Array, value: Uint8Array): this;
    del(key: Uint8Array): this;
    /** Writes on the calling thread, `sync`: to the disk, and calls back in the next tick. The batch is used up. */
    write(options: { sync: boolean }, callback: (error?: Error | null) => void): void;
    /** Empties it, for the next use. */
    clear(): this;
    /** What `put`, `del` and `write` stand on, without checks and events. Throws at once; the batch stays as it is. */
    _put(key: Uint8Array, value: Uint8Array): void;
    _del(key: Uint8Array): void;
    _writeSync(options: { sync: boolean }): void;
  }

  interface QueryOptions {
    gte?: Uint8Array;
    lt?: Uint8Array;
    limit?: number;
    fillCache?: boolean;
    keyEncoding?: 'buffer';
    valueEncoding?: 'buffer';
  }

  export class RocksLevel {
    constructor(location: string | bigint, options?: { keyEncoding?: string; valueEncoding?: string });
    /** Valid while open; another thread may open the same database with it. */
    readonly handle: bigint;
    readonly status: 'opening' | 'open' | 'closing' | 'closed';
    open(options?: Record<string, unknown>): Promise<void>;
    close(): Promise<void>;
    batch(): RocksBatch;
    /** Reads on a thread of the pool. */
    getMany(keys: Uint8Array[], options?: { fillCache?: boolean }): Promise<(Buffer | undefined)[]>;
    /** Rows are key, value, key, value, ... */
    querySync(options: QueryOptions): { rows: Buffer[]; finished: boolean };
  }
}
