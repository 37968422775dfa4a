import { expect, test } from 'vitest';
import { encodeBatch, isBatch, splitBatch } from './batch.ts';
import { createMemoryStore } from './testing/memory-proposer.ts';
import type { Transaction, TransactionResult } from './types.ts';

const put = (key: string, value = key): Transaction => ({
  compare: [],
  success: [{ type: 'put', key, value: Buffer.from(value) }],
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a batch holds its commands in order', () => {
  const commands = [Buffer.from([1, 2, 3]), Buffer.from([2]), Buffer.alloc(300, 1)];
  const batch = encodeBatch(commands);
  expect([isBatch(batch), isBatch(commands[0]!)]).toEqual([true, false]);
  expect(splitBatch(batch).map((command) => Buffer.from(command))).toEqual(commands);
  expect(() => splitBatch(batch.subarray(0, batch.length - 1))).toThrow('malformed');
});

test('writes of one turn share an entry, and each has its own revision and result', async () => {
  const { store, proposer } = createMemoryStore();
  const guarded: Transaction = {
    compare: [{ key: 'a', target: 'version', operator: '=', operand: 1 }],
    ...{ success: put('a', 'again').success, failure: [] },
  };
  const results = await Promise.all([
    store.transact(put('a')),
    store.transact(put('b')),
    store.transact(guarded),
    store.transact(guarded),
  ]);
  expect(results.map(({ revision, succeeded }) => [revision, succeeded])).toEqual([
    [2, true],
    [3, true],
    [4, true],
    [4, false],
  ]);
  expect(proposer.log.length).toBe(1);
});

test('a write that is refused does not touch those beside it', async () => {
  const { store } = createMemoryStore();
  const missing: Transaction = {
    compare: [],
    success: [{ type: 'put', key: 'x', value: Buffer.from(''), leaseId: 77n }],
  };
  const settled = await Promise.allSettled([
    store.transact(put('a')),
    store.transact(missing),
    store.transact(put('b'), { fenceTerm: 99 }),
    store.transact(put('c')),
  ]);
  expect(settled.map((one) => (one.status === 'rejected' ? one.reason.code : one.value.revision))).toEqual([
    2,
    'lease-not-found',
    'fenced',
    3,
  ]);
});

test('replicas that read the batch hold the same', async () => {
  const one = createMemoryStore();
  await Promise.all([...'abcdef'].map((key) => one.store.transact(put(key))));
  const other = createMemoryStore();
  for (const entry of one.proposer.log) other.stateMachine.apply(entry);
  expect(other.store.stateHash().hash).toBe(one.store.stateHash().hash);
});

test('submit calls back once, after it returned, also with what is wrong at once', async () => {
  const { store, proposer } = createMemoryStore();
  const calls: string[] = [];
  const note = (name: string) => (error: unknown, result: TransactionResult | undefined) =>
    void calls.push(`${name} ${result?.revision ?? (error as { code: string }).code}`);
  store.submit(put(''), note('empty'));
  store.submit(put('a'), note('a'));
  expect(calls).toEqual([]);
  await turn();
  await turn();
  await turn();
  expect(calls.toSorted()).toEqual(['a 2', 'empty invalid']);
  proposer.setFailure('unknown');
  store.submit(put('b'), note('b'));
  store.submit(put('c'), note('c'));
  await turn();
  await turn();
  expect(calls.slice(2)).toEqual(['b unknown-outcome', 'c unknown-outcome']);
});
