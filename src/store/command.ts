/** What the log carries for the store, and which transactions are well-formed. */
import { maxKeyBytes, maxTransactionDepth, maxTransactionItems, maxValueBytes } from './limits.ts';
import type { KeyRange, Operation, PutOperation, Transaction } from './types.ts';
import { StoreError } from './types.ts';

/** A lease as somebody saw it: renewed so many times. What was decided on it counts only while that is still so. */
export interface SeenLease {
  readonly id: bigint;
  readonly renewals: number;
}

export type Command = {
  /** The only Raft term under which it may run. */
  readonly fenceTerm?: number | undefined;
} & (
  | { readonly type: 'transaction'; readonly transaction: Transaction }
  | {
      /** Makes everything before `revision` unreadable, and frees it for some keys from `fromKey` on. */
      readonly type: 'compact';
      readonly revision: number;
      readonly fromKey: string;
      /** How much work it may be: `State.compactUnits`. Absent in commands of format 1, which go by keys. */
      readonly maxUnits?: number | undefined;
    }
  | { readonly type: 'lease-grant'; readonly id: bigint; readonly ttlSeconds: number }
  | { readonly type: 'lease-revoke'; readonly id: bigint }
  | { readonly type: 'lease-keep-alive'; readonly ids: readonly bigint[] }
  /** Revokes those that nobody renewed since the leader found their time to be over. */
  | { readonly type: 'lease-expire'; readonly leases: readonly SeenLease[] }
  /** How much time they have left, so that a restart of every member does not give them their whole time again. */
  | {
      readonly type: 'lease-checkpoint';
      readonly leases: readonly (SeenLease & { readonly remainingMs: number })[];
    }
  /** Every replica notes its state hash here. */
  | { readonly type: 'hash-mark' }
);

const notBytes = /[\u0100-\uffff]/;

/** @throws StoreError invalid, too-large, too-many-operations, duplicate-key */
export function checkTransaction(transaction: Transaction): void {
  const left = { items: 3 * maxTransactionItems };
  checkItems(transaction, left, 1);
  for (const branch of [transaction.success, transaction.failure ?? []]) {
    // One operation cannot be at odds with another.
    if (branch.length > 1 || branch[0]?.type === 'transaction') checkIntervals(branch);
  }
}

function checkItems(transaction: Transaction, left: { items: number }, depth: number): void {
  const { compare, success, failure = [] } = transaction;
  if (depth > maxTransactionDepth)
    throw new StoreError('too-many-operations', `transactions nested deeper than ${maxTransactionDepth}`);
  for (const items of [compare, success, failure]) {
    left.items -= items.length;
    if (items.length > maxTransactionItems || left.items < 0)
      throw new StoreError(
        'too-many-operations',
        `${items.length} items in a transaction; the limit is ${maxTransactionItems}, and 3 times that with those nested in it`,
      );
  }
  for (const item of compare) {
    checkRange(item);
    if (item.target === 'value') checkValue(item.key, item.operand);
  }
  for (const branch of [success, failure]) {
    for (const operation of branch) {
      if (operation.type === 'put') checkPut(operation);
      else if (operation.type === 'transaction') checkItems(operation.transaction, left, depth + 1);
      else checkRange(operation);
    }
  }
}

function checkPut(put: PutOperation): void {
  checkKey(put.key);
  checkValue(put.key, put.value);
  if (put.ignoreValue && put.value.length > 0) throw new StoreError('invalid', 'a value is given and to be ignored');
  if (put.ignoreLease && put.leaseId) throw new StoreError('invalid', 'a lease is given and to be ignored');
}

interface Writes {
  readonly puts: Set<string>;
  readonly deletes: KeyRange[];
}

/**
 * No key may be put twice, nor put where the branch deletes. Both branches of a nested transaction count, but against each other only
 * as far as the one's puts and the other's deletes go: just as etcd decides it, so that what it accepts is accepted here.
 */
function checkIntervals(operations: readonly Operation[]): Writes {
  const puts = new Set<string>();
  const deletes: KeyRange[] = [];
  for (const operation of operations) if (operation.type === 'delete') deletes.push(operation);
  const add = (key: string, exclusive?: Set<string>): void => {
    if (puts.has(key) && !exclusive?.has(key)) throw duplicate(key);
    if (deletes.some((range) => covers(range, key))) throw duplicate(key);
    puts.add(key);
  };
  for (const operation of operations) {
    if (operation.type !== 'transaction') continue;
    const { success, failure = [] } = operation.transaction;
    const then = checkIntervals(success);
    const otherwise = checkIntervals(failure);
    deletes.push(...then.deletes, ...otherwise.deletes);
    for (const key of then.puts) add(key);
    for (const key of otherwise.puts) add(key, then.puts);
  }
  for (const operation of operations) if (operation.type === 'put') add(operation.key);
  return { puts, deletes };
}

function duplicate(key: string): StoreError {
  return new StoreError('duplicate-key', `duplicate key given in txn request: ${JSON.stringify(key)}`);
}

export function covers(range: KeyRange, key: string): boolean {
  if (range.end === undefined) return key === range.key;
  return key >= range.key && (range.end === '' || key < range.end);
}

function checkRange(range: KeyRange): void {
  checkKey(range.key, range.end !== undefined);
  if (range.end !== undefined) checkKey(range.end, true);
}

function checkKey(key: string, mayBeEmpty = false): void {
  if (key.length > maxKeyBytes)
    throw new StoreError('too-large', `a key of ${key.length} bytes; the limit is ${maxKeyBytes}`);
  if (key === '' && !mayBeEmpty) throw new StoreError('invalid', 'an empty key');
  if (notBytes.test(key))
    throw new StoreError('invalid', `key ${JSON.stringify(key)} has characters that are no bytes`);
}

function checkValue(key: string, value: Uint8Array): void {
  if (value.length > maxValueBytes)
    throw new StoreError(
      'too-large',
      `value of ${JSON.stringify(key)} has ${value.length} bytes; the limit is ${maxValueBytes}`,
    );
}

/** Would it write, and so take space, in either branch? */
export function puts(transaction: Transaction): boolean {
  return [transaction.success, transaction.failure ?? []].some((branch) =>
    branch.some((one) => one.type === 'put' || (one.type === 'transaction' && puts(one.transaction))),
  );
}
