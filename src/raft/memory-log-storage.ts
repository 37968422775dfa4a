/**
 * A log in memory, for tests and the simulator. It can crash: what was not synced is lost, all of it or a tail of it, as with a real disk.
 */
import { limitBytes } from './core/log.ts';
import type { Entry, HardState, SnapshotMeta } from './core/types.ts';
import type { LogStorage, LogWrite } from './log-storage.ts';

interface DiskState {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta;
  /** The last entry that was cut off. */
  readonly cut: SnapshotMeta;
  readonly entries: readonly Entry[];
}

type Operation = { readonly batch: LogWrite } | { readonly compact: SnapshotMeta; readonly cutIndex: number };

const emptyDisk: DiskState = {
  hardState: { term: 0, vote: 0, commit: 0 },
  snapshot: { index: 0, term: 0 },
  cut: { index: 0, term: 0 },
  entries: [],
};

function perform(state: DiskState, operation: Operation): DiskState {
  if ('compact' in operation) {
    const cutIndex = Math.max(state.cut.index, Math.min(operation.cutIndex, operation.compact.index));
    const at = state.entries[cutIndex - state.cut.index - 1];
    const cut = at ? { index: at.index, term: at.term } : state.cut;
    return { ...state, snapshot: operation.compact, cut, entries: state.entries.slice(cut.index - state.cut.index) };
  }
  const { hardState = state.hardState, snapshot, entries = [] } = operation.batch;
  const base = snapshot ? { snapshot, cut: snapshot, entries: [] } : state;
  const first = entries[0]?.index;
  const kept = first === undefined ? base.entries : base.entries.slice(0, first - base.cut.index - 1);
  return { ...base, hardState, entries: [...kept, ...entries] };
}

export class MemoryLogStorage implements LogStorage {
  #state: DiskState = emptyDisk;
  #durable: DiskState = emptyDisk;
  #unsynced: Operation[] = [];
  /** When the batch is done is the test's choice; by default at once. */
  readonly #complete: (finish: () => void) => void;

  readonly #nowMs: () => number;
  #pendingSinceMs: number | undefined;

  constructor(complete: (finish: () => void) => void = (finish) => finish(), nowMs = () => performance.now()) {
    this.#complete = complete;
    this.#nowMs = nowMs;
  }

  hardState(): HardState {
    return this.#state.hardState;
  }

  firstIndex(): number {
    return this.#state.cut.index + 1;
  }

  lastIndex(): number {
    return this.#state.cut.index + this.#state.entries.length;
  }

  term(index: number): number | undefined {
    const { cut, entries } = this.#state;
    return index === cut.index ? cut.term : entries[index - cut.index - 1]?.term;
  }

  entries(low: number, high: number, maxBytes: number): readonly Entry[] {
    const { cut, entries } = this.#state;
    return limitBytes(entries.slice(low - cut.index - 1, high - cut.index - 1), maxBytes);
  }

  snapshot(): SnapshotMeta {
    return this.#state.snapshot;
  }

  write(batch: LogWrite, done: () => void): void {
    this.#unsynced.push({ batch });
    this.#pendingSinceMs = this.#nowMs();
    this.#complete(() => {
      this.#pendingSinceMs = undefined;
      this.#state = perform(this.#state, { batch });
      if (batch.sync) this.#sync();
      done();
    });
  }

  compact(snapshot: SnapshotMeta, cutIndex: number, done: () => void = () => undefined): void {
    if (snapshot.index >= this.#state.snapshot.index) {
      const operation = { compact: snapshot, cutIndex };
      this.#unsynced.push(operation);
      this.#state = perform(this.#state, operation);
      this.#sync();
    }
    done();
  }

  pendingSinceMs(): number | undefined {
    return this.#pendingSinceMs;
  }

  /** Loses what was not synced but for its first `survivors` operations (writes that the system had flushed by itself). */
  crash(survivors: number): void {
    for (const operation of this.#unsynced.slice(0, survivors)) this.#durable = perform(this.#durable, operation);
    this.#state = this.#durable;
    this.#unsynced = [];
    this.#pendingSinceMs = undefined;
  }

  get unsyncedCount(): number {
    return this.#unsynced.length;
  }

  async close(): Promise<void> {
    this.#sync();
  }

  #sync(): void {
    for (const operation of this.#unsynced) this.#durable = perform(this.#durable, operation);
    this.#unsynced = [];
  }
}
