/**
 * What the core wants done. The contract, in this order:
 *
 * 1. `messages` may leave at once; nothing in them depends on what is not on disk yet (a leader's appends and heartbeats).
 * 2. `write`: put `snapshot`, `entries` and `hardState` on disk in ONE atomic batch, synced when `mustSync`. Entries replace
 *    whatever the disk has from the first one's index on. A snapshot replaces the whole log.
 * 3. Only when the batch is on disk: send `write.messages`, and call `advance()`. Until then `ready()` gives no further `write`,
 *    but still messages, committed entries and reads, so that a slow disk delays no heartbeat.
 * 4. When `write.snapshot` was there: restore the state machine from it before anything that comes later in `committed`.
 * 5. `committed` goes to the state machine in order; all of it is on this member's disk.
 * 6. `reads`: a read of that context is safe once the state machine has applied `index`.
 */
import type { Entry, HardState, Message, SnapshotMeta } from './types.ts';

export interface ReadState {
  readonly context: number;
  readonly index: number;
}

export interface ReadyWrite {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMeta | undefined;
  /** False: only the commit index moved, which may be lost. So it goes along with entries, and by itself only every 100 ms. */
  readonly mustSync: boolean;
  readonly messages: readonly Message[];
}

export interface Ready {
  readonly messages: readonly Message[];
  readonly committed: readonly Entry[];
  readonly reads: readonly ReadState[];
  readonly write: ReadyWrite | undefined;
}
