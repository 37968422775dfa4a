/**
 * The state's only way forward: one committed command after the other. Pure but for the state it is given: no I/O, no time, no
 * randomness, and the same on every replica. A refusal is a value, not an exception, and leaves the state as it was.
 */
import type { Command } from './command.ts';
import { holds } from './compare.ts';
import { maxCompactionKeys } from './limits.ts';
import type { State } from './state.ts';
import type {
  KeyRange,
  KeyValue,
  Operation,
  OperationResult,
  Transaction,
  TransactionResult,
  WatchEvent,
} from './types.ts';
import { StoreError } from './types.ts';

export type ApplyResult =
  | { readonly type: 'transaction'; readonly result: TransactionResult }
  | {
      readonly type: 'compact';
      /** Where the next command of this compaction goes on; undefined when it is done. */
      readonly nextKey: string | undefined;
    }
  | { readonly type: 'error'; readonly error: StoreError }
  /** An entry of Raft's own. */
  | { readonly type: 'none' };

/** `onEvent` is told of each key that changed, in the order of the operations. */
export function applyCommand(
  state: State,
  term: number,
  command: Command,
  onEvent: (event: WatchEvent) => void,
): ApplyResult {
  if (command.fenceTerm !== undefined && command.fenceTerm !== term)
    return refuse('fenced', `written under term ${command.fenceTerm}, but the log is at term ${term}`);
  if (command.type === 'transaction')
    return { type: 'transaction', result: applyTransaction(state, command.transaction, onEvent) };
  if (command.revision > state.revision)
    return refuse(
      'future-revision',
      `cannot compact at ${command.revision}: the current revision is ${state.revision}`,
    );
  state.setCompactedRevision(command.revision);
  return { type: 'compact', nextKey: state.compactKeys(command.fromKey, maxCompactionKeys) };
}

function refuse(code: StoreError['code'], message: string): ApplyResult {
  return { type: 'error', error: new StoreError(code, message) };
}

function applyTransaction(
  state: State,
  transaction: Transaction,
  onEvent: (event: WatchEvent) => void,
): TransactionResult {
  const succeeded = transaction.compare.every((compare) => holds(state, compare));
  const operations = succeeded ? transaction.success : (transaction.failure ?? []);
  const revision = state.revision + 1;
  let wrote = false;
  const emit = (event: WatchEvent): void => {
    wrote = true;
    onEvent(event);
  };
  const results = operations.map((operation) => applyOperation(state, operation, revision, emit));
  if (wrote) state.advance(revision);
  return { succeeded, revision: state.revision, results };
}

function applyOperation(
  state: State,
  operation: Operation,
  revision: number,
  emit: (event: WatchEvent) => void,
): OperationResult {
  switch (operation.type) {
    case 'put': {
      const previous = state.current(operation.key);
      emit({ type: 'put', current: state.put(operation.key, operation.value, revision), previous });
      return operation.previous ? { type: 'put', previous } : { type: 'put' };
    }
    case 'delete': {
      const { items } = collect(state, operation, Number.POSITIVE_INFINITY);
      for (const previous of items) emit({ type: 'delete', current: state.delete(previous.key, revision), previous });
      return { type: 'delete', deleted: items.length, ...(operation.previous && { previous: items }) };
    }
    case 'range':
      return { type: 'range', ...collect(state, operation, operation.limit || Number.POSITIVE_INFINITY) };
  }
}

function collect(state: State, range: KeyRange, limit: number): { items: KeyValue[]; more: boolean } {
  const items: KeyValue[] = [];
  let more = false;
  state.scanCurrent(range, (item) => {
    more = items.length === limit;
    if (!more) items.push(item);
    return !more;
  });
  return { items, more };
}
