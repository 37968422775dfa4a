/**
 * The state's only way forward: one committed command after the other. Pure but for the state it is given: no I/O, no time, no
 * randomness, and the same on every replica. A refusal is a value, not an exception, and leaves the state as it was.
 */
import type { Command } from './command.ts';
import { applyLeaseCommand, type LeaseChange } from './lease-commands.ts';
import { maxCompactionKeys } from './limits.ts';
import type { State } from './state.ts';
import { type AppliedEvent, applyTransaction } from './transaction.ts';
import type { HashMark, StoreErrorCode, TransactionResult } from './types.ts';
import { StoreError } from './types.ts';

export type ApplyResult =
  | { readonly type: 'transaction'; readonly result: TransactionResult }
  | {
      readonly type: 'compact';
      /** Where the next command of this compaction goes on; undefined when it is done. */
      readonly nextKey: string | undefined;
    }
  | { readonly type: 'lease-grant'; readonly id: bigint; readonly ttlSeconds: number; readonly revision: number }
  | { readonly type: 'lease-revoke'; readonly revision: number }
  /** What each has again; undefined for one that is not there. */
  | { readonly type: 'lease-keep-alive'; readonly ttlSeconds: readonly (number | undefined)[] }
  | { readonly type: 'lease-expire'; readonly revoked: readonly bigint[] }
  | { readonly type: 'lease-checkpoint' }
  | { readonly type: 'hash-mark'; readonly mark: HashMark }
  /** Of each command of a batch. */
  | { readonly type: 'batch'; readonly results: readonly ApplyResult[] }
  | { readonly type: 'error'; readonly error: StoreError }
  /** An entry of Raft's own. */
  | { readonly type: 'none' };

/** What came of a command beside its result. */
export interface Observer {
  /** A key changed; in the order of the operations. */
  onEvent(event: AppliedEvent): void;
  onLease(change: LeaseChange): void;
  onHashMark(mark: HashMark): void;
}

export function applyCommand(
  state: State,
  position: { readonly index: number; readonly term: number },
  command: Command,
  observer: Observer,
): ApplyResult {
  const { term } = position;
  if (command.fenceTerm !== undefined && command.fenceTerm !== term)
    return refuse('fenced', `written under term ${command.fenceTerm}, but the log is at term ${term}`);
  try {
    switch (command.type) {
      case 'transaction':
        return { type: 'transaction', result: applyTransaction(state, command.transaction, observer) };
      case 'compact':
        return compact(state, command.revision, command.fromKey, command.maxUnits);
      case 'hash-mark': {
        const mark = { index: position.index, revision: state.revision, hash: state.hash() };
        observer.onHashMark(mark);
        return { type: 'hash-mark', mark };
      }
      default:
        return applyLeaseCommand(state, command, observer);
    }
  } catch (error) {
    // Thrown before anything was written.
    if (error instanceof StoreError) return { type: 'error', error };
    throw error;
  }
}

function compact(state: State, revision: number, fromKey: string, maxUnits: number | undefined): ApplyResult {
  if (revision > state.revision)
    return refuse('future-revision', `cannot compact at ${revision}: the current revision is ${state.revision}`);
  state.setCompactedRevision(revision);
  const nextKey =
    maxUnits === undefined ? state.compactKeys(fromKey, maxCompactionKeys) : state.compactUnits(fromKey, maxUnits);
  return { type: 'compact', nextKey };
}

function refuse(code: StoreErrorCode, message: string): ApplyResult {
  return { type: 'error', error: new StoreError(code, message) };
}
