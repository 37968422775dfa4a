import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStore } from './index.ts';
import { createMemoryStore } from './testing/memory-proposer.ts';
import { NaiveStore } from './testing/naive-store.ts';
import {
  type Compare,
  type KeyRange,
  type KeyValue,
  type Operation,
  prefixEnd,
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
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('put' as const), key, value, previous: fc.constant(true) }) },
  { weight: 1, arbitrary: range.map((where) => ({ type: 'delete' as const, previous: true, ...where })) },
  { weight: 1, arbitrary: range.map((where) => ({ type: 'range' as const, ...where })) },
);
const transaction: fc.Arbitrary<Transaction> = fc.record({
  compare: fc.array(compare, { maxLength: 2 }),
  success: fc.array(operation, { maxLength: 3 }),
  failure: fc.array(operation, { maxLength: 2 }),
});
/** A number is a compaction, at that fraction of the revisions so far. */
const script = fc.array(
  fc.oneof({ weight: 8, arbitrary: transaction }, { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) }),
  { maxLength: 40 },
);

const plain = (item: KeyValue | undefined) =>
  item && [item.key, Buffer.from(item.value).toString(), item.createRevision, item.modRevision, item.version];
const plainEvent = (event: WatchEvent) => [event.type, plain(event.current), plain(event.previous)];
const everything = { key: '', end: '' };

/** Runs the script on the store and on the model; steps that the store refuses as malformed are left out of both. */
async function play(steps: readonly (Transaction | number)[]) {
  const made = createMemoryStore();
  const { store } = made;
  const model = new NaiveStore();
  const live: WatchEvent[] = [];
  store.watch(everything, { onEvents: (events) => live.push(...events), onClose: () => expect.unreachable() });
  for (const step of steps) {
    if (typeof step === 'number') {
      await store.compact(Math.max(1, Math.floor(step * store.revision)));
      continue;
    }
    const result = await store.transact(step).catch((error: unknown) => error);
    if (result instanceof StoreError) {
      expect(result.code).toBe('invalid');
      continue;
    }
    const found = (result as Awaited<ReturnType<typeof store.transact>>).results.map((one) =>
      one.type === 'range' ? one.items : [one.previous ?? []].flat(),
    );
    const expected = model.transact(step);
    expect((result as { succeeded: boolean }).succeeded).toBe(expected.succeeded);
    expect(found.map((items) => items.map(plain))).toEqual(expected.found.map((items) => items.map(plain)));
    expect(store.revision).toBe(model.revision);
  }
  return { ...made, model, live };
}

describe('the store agrees with a model that copies the whole map at every revision', () => {
  it('in every range at every revision that is not compacted', async () => {
    await fc.assert(
      fc.asyncProperty(script, range, async (steps, where) => {
        const { store, model } = await play(steps);
        for (let revision = store.compactedRevision; revision <= store.revision; revision++) {
          const got = store.range({ ...where, revision });
          expect(got.items.map(plain)).toEqual(model.range(where, revision).map(plain));
          expect(got.count).toBe(got.items.length);
        }
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
