/** What the log carries for the store, and which transactions are well-formed. */
import { maxKeyBytes, maxTransactionItems, maxValueBytes } from './limits.ts';
import type { KeyRange, Operation, Transaction } from './types.ts';
import { StoreError } from './types.ts';

export type Command =
  | {
      readonly type: 'transaction';
      /** The only Raft term under which it may run. */
      readonly fenceTerm?: number | undefined;
      readonly transaction: Transaction;
    }
  | {
      /** Makes everything before `revision` unreadable, and frees it for some keys from `fromKey` on. */
      readonly type: 'compact';
      readonly fenceTerm?: number | undefined;
      readonly revision: number;
      readonly fromKey: string;
    };

const notBytes = /[\u0100-\uffff]/;

/** @throws StoreError invalid, too-large */
export function checkTransaction(transaction: Transaction): void {
  const { compare, success, failure = [] } = transaction;
  for (const items of [compare, success, failure]) {
    if (items.length > maxTransactionItems)
      throw new StoreError('too-large', `${items.length} items in a transaction; the limit is ${maxTransactionItems}`);
  }
  for (const item of compare) {
    checkRange(item);
    if (item.target === 'value') checkValue(item.key, item.operand);
  }
  checkOperations(success);
  checkOperations(failure);
}

function checkOperations(operations: readonly Operation[]): void {
  const puts = new Set<string>();
  const deletes: KeyRange[] = [];
  for (const operation of operations) {
    if (operation.type === 'put') {
      checkKey(operation.key);
      checkValue(operation.key, operation.value);
      if (puts.has(operation.key)) throw new StoreError('invalid', `key ${JSON.stringify(operation.key)} is put twice`);
      puts.add(operation.key);
    } else {
      checkRange(operation);
      if (operation.type === 'delete') deletes.push(operation);
    }
  }
  if (puts.size === 0) return;
  for (const range of deletes) {
    for (const key of range.end === undefined ? [range.key] : puts) {
      if (puts.has(key) && covers(range, key))
        throw new StoreError('invalid', `key ${JSON.stringify(key)} is both put and deleted in one transaction`);
    }
  }
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
