import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { State } from './state.ts';
import { StoreStateMachine } from './store-state-machine.ts';
import { createMemoryStore } from './testing/memory-proposer.ts';
import type { Store } from './types.ts';

const put = (store: Store, key: string, value = key) =>
  store.transact({ compare: [], success: [{ type: 'put', key, value: Buffer.from(value) }] });
const remove = (store: Store, key: string) => store.transact({ compare: [], success: [{ type: 'delete', key }] });

describe('the hash of all that is readable at a revision', () => {
  it('is the same however far replicas are in freeing what was compacted', async () => {
    const { store, stateMachine } = createMemoryStore();
    for (const value of ['1', '2', '3']) for (const key of ['a', 'b', 'gone']) await put(store, key, value);
    await remove(store, 'gone');
    const copy = createMemoryStore();
    await copy.stateMachine.restore(
      (async function* () {
        yield* stateMachine.snapshot();
      })(),
      1,
    );
    await store.compact(store.revision);
    // Only made unreadable here, and one version of it freed.
    await copy.proposer.propose(Buffer.from([2, 2, 0, store.revision, 0, 1]));
    expect(copy.store.usage().versions).toBeGreaterThan(store.usage().versions);
    expect(await copy.store.hashKv()).toEqual(await store.hashKv());
    expect(copy.store.stateHash().hash).not.toBe(store.stateHash().hash);
  });

  it('does not regard what was written later, and refuses what is not there', async () => {
    const { store } = createMemoryStore();
    for (const key of ['a', 'b', 'c']) await put(store, key);
    const before = await store.hashKv();
    await put(store, 'a', 'new');
    await remove(store, 'b');
    expect(await store.hashKv(4)).toEqual(before);
    expect((await store.hashKv()).hash).not.toBe(before.hash);
    await store.compact(5);
    await expect(store.hashKv(4)).rejects.toMatchObject({ code: 'compacted' });
    await expect(store.hashKv(7)).rejects.toMatchObject({ code: 'future-revision' });
  });
});

describe('verification', () => {
  it('finds the state as its hash says while writes and compactions go on', async () => {
    const { store } = createMemoryStore();
    await store.grantLease({ id: 1n, ttlSeconds: 60 });
    for (let i = 0; i < 3_000; i++) void put(store, `k${i % 1_500}`, `value ${i}`);
    await put(store, 'last');
    const running = store.verifyHash();
    for (let i = 0; i < 20; i++) {
      await Promise.all([put(store, 'a'), put(store, `k${i * 70}`, 'changed'), remove(store, `k${i * 60}`)]);
      if (i % 5 === 0) await store.compact(store.revision);
    }
    expect(await running).toMatchObject({ ok: true });
    const { ok, versions } = await store.verifyHash({ pauseMs: 1 });
    expect([ok, versions]).toEqual([true, store.usage().versions]);
  });

  it('finds one bit that has flipped', async () => {
    const { store } = createMemoryStore();
    for (let i = 0; i < 100; i++) await put(store, `k${i}`);
    store.get('k50')!.value[1]! ^= 4;
    expect(await store.verifyHash()).toMatchObject({ ok: false });
  });

  it('ends when it is told to, or when the state was replaced', async () => {
    const { store, stateMachine } = createMemoryStore();
    for (let i = 0; i < 3_000; i++) void put(store, `k${i}`);
    await put(store, 'last');
    await expect(store.verifyHash({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'unavailable' });
    const running = store.verifyHash();
    const chunks = [...(stateMachine.snapshot() as Iterable<Uint8Array>)];
    const restored = stateMachine.restore(
      (async function* () {
        yield* chunks;
      })(),
      5_000,
    );
    await expect(running).rejects.toMatchObject({ code: 'unavailable' });
    await restored;
  });
});

it('a hash mark tells every replica its hash at the same place', async () => {
  const { store, proposer } = createMemoryStore();
  await put(store, 'a');
  const before = store.stateHash();
  const [mark] = await Promise.all([store.markHash(), put(store, 'b')]);
  expect(mark).toEqual({ index: 2, revision: before.revision, hash: before.hash });
  const other = new StoreStateMachine();
  for (const entry of proposer.log) other.apply(entry);
  expect(other.hashMarks).toEqual([mark]);
  for (let i = 0; i < 100; i++) await store.markHash();
  expect(store.hashMarks().length).toBe(64);
  expect(store.hashMarks()[0]!.index).toBeGreaterThan(mark.index);
});

it('a stream of the state is that of its beginning, whatever is written and compacted meanwhile', async () => {
  const { store } = createMemoryStore();
  const large = 'x'.repeat(50_000);
  for (let i = 0; i < 100; i++) await put(store, `k${i % 60}`, large);
  const { hash } = store.stateHash();
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.snapshotStream()) {
    chunks.push(Uint8Array.from(chunk));
    await put(store, `k${chunks.length}`, 'new');
    await put(store, `k0${chunks.length}`, 'new');
    await remove(store, `k${59 - chunks.length}`);
    await store.compact(store.revision);
  }
  expect(chunks.length).toBeGreaterThan(4);
  const copy = createMemoryStore();
  await copy.stateMachine.restore(
    (async function* () {
      yield* chunks;
    })(),
    7,
  );
  expect(copy.store.stateHash().hash).toBe(hash);
});

describe('compaction in slices', () => {
  it('does only so much at a time, also with a key of many versions, and ends where a single one would', async () => {
    await fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.nat(4), fc.nat(9_000)), { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (steps, units) => {
          const [one, sliced] = [new State(), new State()];
          for (const state of [one, sliced]) {
            for (const [key, kind, length] of steps) {
              const name = `k${key}`;
              if (kind === 0) {
                if (!state.current(name)) continue;
                state.delete(name, state.revision + 1);
              } else state.put(name, Buffer.alloc(length, key), undefined, state.revision + 1);
              state.advance(state.revision + 1);
            }
            state.setCompactedRevision(Math.ceil(state.revision / 2));
          }
          expect(one.compactKeys('', Number.POSITIVE_INFINITY)).toBeUndefined();
          let calls = 0;
          for (let key: string | undefined = ''; key !== undefined; calls++) {
            const before = sliced.versions;
            key = sliced.compactUnits(key, units);
            expect(before - sliced.versions).toBeLessThanOrEqual(units);
            expect(calls).toBeLessThan(500);
          }
          expect(sliced.hash()).toBe(one.hash());
          expect(sliced.bytes).toBe(one.bytes);
        },
      ),
    );
  });
});
