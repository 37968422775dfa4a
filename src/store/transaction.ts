/**
 * Runs a transaction. First everything is decided, on the state as it was: which branches run, nested ones too, and whether each of their operations
 * can be carried out. Only then is written, so that a refusal leaves nothing behind.
 */
import { holds } from './compare.ts';
import type { State } from './state.ts';
import type { Operation, OperationResult, PutOperation, Transaction, TransactionResult, WatchEvent } from './types.ts';
import { StoreError } from './types.ts';
import type { Version } from './version.ts';

/** An event as the state makes it. */
export interface AppliedEvent extends WatchEvent {
  readonly current: Version;
}

interface Decided {
  readonly succeeded: boolean;
  readonly operations: readonly Operation[];
  /** Of the nested transactions among the operations, in order. */
  readonly nested: readonly Decided[];
}

/** @throws StoreError key-not-found, lease-not-found, compacted, future-revision; the state is as it was then */
export function applyTransaction(
  state: State,
  transaction: Transaction,
  observer: { onEvent(event: AppliedEvent): void },
): TransactionResult {
  const decided = decide(state, transaction);
  check(state, decided);
  const run: Run = {
    state,
    revision: state.revision + 1,
    wrote: false,
    emit(event) {
      run.wrote = true;
      observer.onEvent(event);
    },
  };
  const results = runAll(run, decided);
  if (run.wrote) state.advance(run.revision);
  return { succeeded: decided.succeeded, revision: state.revision, results };
}

const nothing: readonly Decided[] = [];

function decide(state: State, transaction: Transaction): Decided {
  const succeeded = transaction.compare.every((compare) => holds(state, compare));
  const operations = succeeded ? transaction.success : (transaction.failure ?? []);
  let nested = nothing;
  for (const operation of operations) {
    if (operation.type === 'transaction') nested = [...nested, decide(state, operation.transaction)];
  }
  return { succeeded, operations, nested };
}

function check(state: State, { operations, nested }: Decided): void {
  for (const operation of operations) {
    if (operation.type === 'put') checkPut(state, operation);
    else if (operation.type === 'range' && operation.revision) state.checkReadable(operation.revision);
  }
  for (const one of nested) check(state, one);
}

function checkPut(state: State, put: PutOperation): void {
  if ((put.ignoreValue || put.ignoreLease) && !state.current(put.key))
    throw new StoreError('key-not-found', `key ${JSON.stringify(put.key)} is not there, so nothing of it can be kept`);
  if (put.leaseId && !state.leases.get(put.leaseId))
    throw new StoreError('lease-not-found', `lease ${put.leaseId} is not there`);
}

interface Run {
  readonly state: State;
  /** Of what is written. */
  readonly revision: number;
  wrote: boolean;
  emit(event: AppliedEvent): void;
}

function runAll(run: Run, { operations, nested }: Decided): OperationResult[] {
  let nextNested = 0;
  return operations.map((operation) => {
    if (operation.type !== 'transaction') return runOne(run, operation);
    const inner = nested[nextNested++]!;
    return { type: 'transaction', succeeded: inner.succeeded, results: runAll(run, inner) };
  });
}

function runOne(run: Run, operation: Exclude<Operation, { type: 'transaction' }>): OperationResult {
  const { state, revision, emit } = run;
  switch (operation.type) {
    case 'put': {
      const { key, value, leaseId, ignoreValue, ignoreLease } = operation;
      const written = state.put(
        key,
        ignoreValue ? 'keep' : value,
        ignoreLease ? 'keep' : leaseId || undefined,
        revision,
      );
      const { current, previous } = written;
      emit({ type: 'put', current, previous });
      return operation.previous ? { type: 'put', previous } : { type: 'put' };
    }
    case 'delete': {
      const previous = deleteRange(run, operation);
      return { type: 'delete', deleted: previous.length, ...(operation.previous && { previous }) };
    }
    case 'range':
      return { type: 'range', ...state.answer(operation, operation) };
  }
}

function deleteRange({ state, revision, emit }: Run, range: Extract<Operation, { type: 'delete' }>) {
  const { items } = state.answer({ key: range.key, end: range.end }, {});
  for (const previous of items) emit({ type: 'delete', current: state.delete(previous.key, revision), previous });
  return items;
}
