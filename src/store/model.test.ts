import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStore } from './index.ts';
import { createMemoryStore } from './testing/memory-proposer.ts';
import { type Found, NaiveStore } from './testing/naive-store.ts';
import {
  type Compare,
  type KeyRange,
  type KeyValue,
  type Operation,
  type OperationResult,
  prefixEnd,
  type RangeOptions,
  type SortOrder,
  type Store,
  StoreError,
  type Transaction,
  type WatchEvent,
} from './types.ts';

const key = fc
  .tuple(
    fc.constantFrom('', 'a', 'a/', 'a/b', 'a/c/', 'b/', '\u00ff', '\u00ff\u00ff'),
    fc.constantFrom('1', '2', '\0', '\u00ff'),
  )
  .map(([folder, name]) => folder + name);
const range: fc.Arbitrary<KeyRange> = fc.oneof(
  key.map((only) => ({ key: only })),
  fc.constantFrom('', 'a', 'a/', '\u00ff').map((prefix) => ({ key: prefix, end: prefixEnd(prefix) })),
  fc.tuple(key, key).map(([from, to]) => ({ key: from, end: to })),
);
const value = fc.constantFrom('', 'x', 'y', 'long value').map((text): Uint8Array => Buffer.from(text));
const operator = fc.constantFrom('=' as const, '!=' as const, '<' as const, '>' as const);
const leaseId = fc.constantFrom(1n, 2n, -3n);
const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc
    .tuple(
      range,
      fc.constantFrom('version' as const, 'createRevision' as const, 'modRevision' as const),
      operator,
      fc.nat(12),
    )
    .map(([where, target, how, operand]) => ({ ...where, target, operator: how, operand })),
  fc
    .tuple(range, operator, value)
    .map(([where, how, operand]) => ({ ...where, target: 'value' as const, operator: how, operand })),
  fc
    .tuple(range, operator, fc.oneof(leaseId, fc.constant(0n)))
    .map(([where, how, operand]) => ({ ...where, target: 'lease' as const, operator: how, operand })),
);
const bound = fc.option(fc.nat(12), { nil: undefined, freq: 5 });
const sort: fc.Arbitrary<SortOrder> = fc.record({
  target: fc.constantFrom('key', 'version', 'createRevision', 'modRevision', 'value'),
  order: fc.constantFrom('none', 'ascend', 'descend'),
});
const rangeOptions: fc.Arbitrary<RangeOptions> = fc.record({
  limit: fc.nat(4),
  sort: fc.option(sort, { nil: undefined }),
  keysOnly: fc.boolean(),
  countOnly: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  minModRevision: bound,
  maxModRevision: bound,
  minCreateRevision: bound,
  maxCreateRevision: bound,
});
const put: fc.Arbitrary<Operation> = fc
  .tuple(key, value, fc.option(leaseId, { nil: undefined }), fc.nat(9), fc.nat(9))
  .map(([at, bytes, lease, keepValue, keepLease]) => ({
    type: 'put' as const,
    key: at,
    previous: true,
    value: keepValue === 0 ? Buffer.alloc(0) : bytes,
    ignoreValue: keepValue === 0,
    leaseId: keepLease === 0 ? undefined : lease,
    ignoreLease: keepLease === 0,
  }));
const { transaction } = fc.letrec<{ operation: Operation; transaction: Transaction }>((tie) => ({
  operation: fc.oneof(
    { maxDepth: 2 },
    { weight: 4, arbitrary: put },
    { weight: 1, arbitrary: range.map((where) => ({ type: 'delete' as const, previous: true, ...where })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(range, rangeOptions, fc.option(fc.nat(12), { nil: undefined, freq: 3 }))
        .map(([where, options, revision]) => ({ type: 'range' as const, ...where, ...options, revision })),
    },
    {
      weight: 2,
      arbitrary: tie('transaction').map((nested) => ({ type: 'transaction' as const, transaction: nested })),
    },
  ),
  transaction: fc.record({
    compare: fc.array(compare, { maxLength: 2 }),
    success: fc.array(tie('operation'), { maxLength: 3 }),
    failure: fc.array(tie('operation'), { maxLength: 2 }),
  }),
}));
type Step =
  | { type: 'transaction'; transaction: Transaction }
  /** At that fraction of the revisions so far. */
  | { type: 'compact'; at: number }
  | { type: 'grant'; id: bigint; ttlSeconds: number }
  | { type: 'revoke' | 'keep-alive'; id: bigint };
const script: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: transaction.map((one): Step => ({ type: 'transaction', transaction: one })) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map((at): Step => ({ type: 'compact', at })) },
    {
      weight: 2,
      arbitrary: fc.tuple(leaseId, fc.nat(9)).map(([id, ttlSeconds]): Step => ({ type: 'grant', id, ttlSeconds })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(leaseId, fc.constantFrom('revoke' as const, 'keep-alive' as const))
        .map(([id, type]): Step => ({ type, id })),
    },
  ),
  { maxLength: 40 },
);

const plain = (item: KeyValue | undefined) =>
  item && [
    item.key,
    Buffer.from(item.value).toString(),
    item.createRevision,
    item.modRevision,
    item.version,
    String(item.leaseId),
  ];
const plainEvent = (event: WatchEvent) => [event.type, plain(event.current), plain(event.previous)];
const everything = { key: '', end: '' };

function plainResult(result: OperationResult): unknown {
  if (result.type === 'transaction') return [result.succeeded, result.results.map(plainResult)];
  if (result.type === 'range') return [result.items.map(plain), result.count, result.more];
  return [result.previous ?? []].flat().map(plain);
}

function plainFound(found: Found): unknown {
  if ('found' in found) return [found.succeeded, found.found.map(plainFound)];
  if ('items' in found) return [found.items.map(plain), found.count, found.more];
  return found.map(plain);
}

/** Carries one step out on the store and on the model. What the store refuses before it is proposed is left out of both. */
async function play1(store: Store, model: NaiveStore, step: Step): Promise<void> {
  const outcome = async (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: StoreError) => error.code,
    );
  switch (step.type) {
    case 'compact': {
      const revision = Math.max(store.compactedRevision + 1, Math.floor(step.at * store.revision));
      if (revision <= store.revision) await store.compact(revision);
      break;
    }
    case 'grant':
      expect(await outcome(store.grantLease(step))).toBe(model.grant(step.id, step.ttlSeconds));
      break;
    case 'revoke':
      expect(await outcome(store.revokeLease(step.id))).toBe(model.revoke(step.id));
      break;
    case 'keep-alive':
      expect(await store.keepAlive([step.id])).toEqual([model.leases.get(step.id)]);
      break;
    case 'transaction': {
      const result = await store.transact(step.transaction).catch((error: StoreError) => error);
      if (result instanceof StoreError && result.code === 'duplicate-key') return;
      const expected = model.transact(step.transaction, store.compactedRevision);
      if (result instanceof StoreError || typeof expected === 'string') {
        expect(result instanceof StoreError && result.code).toBe(expected);
        return;
      }
      expect(result.succeeded).toBe(expected.succeeded);
      expect(result.results.map(plainResult)).toEqual(expected.found.map(plainFound));
    }
  }
  expect(store.revision).toBe(model.revision);
}

async function play(steps: readonly Step[]) {
  const made = createMemoryStore();
  const { store } = made;
  const model = new NaiveStore();
  const live: WatchEvent[] = [];
  store.watch(everything, { onEvents: (events) => live.push(...events), onClose: () => expect.unreachable() });
  for (const step of steps) await play1(store, model, step);
  return { ...made, model, live };
}

describe('the store agrees with a model that copies the whole map at every revision', () => {
  it('in every range at every revision that is not compacted', async () => {
    await fc.assert(
      fc.asyncProperty(script, range, rangeOptions, async (steps, where, options) => {
        const { store, model } = await play(steps);
        for (let revision = store.compactedRevision; revision <= store.revision; revision++) {
          const got = store.range({ ...where, ...options, revision });
          const wanted = model.range({ ...where, ...options }, revision);
          expect([got.items.map(plain), got.count, got.more]).toEqual([
            wanted.items.map(plain),
            wanted.count,
            wanted.more,
          ]);
        }
        for (const [id, ttlSeconds] of model.leases)
          expect(store.timeToLive(id, true)).toMatchObject({ id, ttlSeconds, keys: model.keysOf(id) });
        expect(store.leases().map((lease) => lease.id)).toEqual([...model.leases.keys()]);
      }),
      { numRuns: 150 },
    );
  });

  it('in what watches see, live and from any revision of history', async () => {
    await fc.assert(
      fc.asyncProperty(script, range, async (steps, where) => {
        const { store, stateMachine, model, live } = await play(steps);
        expect(live.map(plainEvent)).toEqual(model.events.map(plainEvent));
        const inRange = (event: WatchEvent) =>
          where.end === undefined
            ? event.current.key === where.key
            : event.current.key >= where.key && (where.end === '' || event.current.key < where.end);
        // A restored copy has no recent events in memory: its history has to come from the versions.
        const copy = createMemoryStore();
        await copy.stateMachine.restore(once(stateMachine.snapshot()), 1);
        const watches: { start: number; seen: WatchEvent[] }[] = [];
        for (const from of [store, copy.store]) {
          for (let start = store.compactedRevision + 1; start <= store.revision; start++) {
            const seen: WatchEvent[] = [];
            const onEvents = (events: readonly WatchEvent[]) => seen.push(...events);
            from.watch({ ...where, startRevision: start }, { onEvents, onClose: () => expect.unreachable() });
            watches.push({ start, seen });
          }
        }
        await new Promise((resolve) => setImmediate(resolve));
        for (const { start, seen } of watches) {
          const wanted = model.events.filter((event) => event.current.modRevision >= start && inRange(event));
          expect(ordered(seen).map(plainEvent)).toEqual(ordered(wanted).map(plainEvent));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('after a snapshot in the middle, with the same bytes and hash on every replica', async () => {
    await fc.assert(
      fc.asyncProperty(script, fc.nat(), fc.integer({ min: 1, max: 200 }), async (steps, cut, chunkBytes) => {
        const { store, proposer, stateMachine } = await play(steps);
        const { log } = proposer;
        const middle = cut % (log.length + 1);
        const replica = createStore();
        for (const entry of log.slice(0, middle)) replica.stateMachine.apply(entry);
        const snapshot = replica.stateMachine.snapshot();
        // The state moves on before the snapshot is read.
        for (const entry of log.slice(middle)) replica.stateMachine.apply(entry);
        const late = createStore();
        await late.stateMachine.restore(recut(snapshot as Iterable<Uint8Array>, chunkBytes), middle);
        for (const entry of log.slice(middle)) late.stateMachine.apply(entry);
        for (const other of [replica, late]) {
          expect(other.store.stateHash()).toEqual(store.stateHash());
          expect(joined(other.stateMachine.snapshot())).toEqual(joined(stateMachine.snapshot()));
        }
      }),
      { numRuns: 100 },
    );
  });
});

it('the state hash tells apart states that differ in one value, revision or key', async () => {
  const hashes = new Set<string>();
  const variants: [string, string, number][] = [
    ['k', 'v', 1],
    ['k', 'w', 1],
    ['kv', '', 1],
    ['k', 'v', 2],
    ['l', 'v', 1],
  ];
  for (const [key, value, times] of variants) {
    const { store } = createMemoryStore();
    for (let i = 0; i < times; i++)
      await store.transact({ compare: [], success: [{ type: 'put', key, value: Buffer.from(value) }] });
    hashes.add(store.stateHash().hash);
  }
  expect(hashes.size).toBe(variants.length);
});

const ordered = (events: readonly WatchEvent[]) =>
  events.toSorted(({ current: a }, { current: b }) => a.modRevision - b.modRevision || (a.key < b.key ? -1 : 1));

const joined = (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) =>
  Buffer.concat([...(chunks as Iterable<Uint8Array>)]).toString('hex');

async function* once(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function* recut(chunks: Iterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  const whole = Buffer.concat([...chunks]);
  for (let i = 0; i < whole.length; i += size) yield whole.subarray(i, i + size);
}
