import { describe, expect, it } from 'vitest';
import { ManualClock } from '../lib/clock.ts';
import {
  maxCommandBytes,
  maxKeyBytes,
  maxTransactionDepth,
  maxTransactionItems,
  maxValueBytes,
  progressIntervalMs,
} from './limits.ts';
import { createMemoryStore } from './testing/memory-proposer.ts';
import {
  allocateEncodingSlot,
  type KeyValue,
  type Operation,
  prefixEnd,
  type Store,
  type StoreError,
  type WatchBatch,
  type WatchEvent,
} from './types.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (item: KeyValue | undefined): string | undefined => item && Buffer.from(item.value).toString();
const put = (store: Store, key: string, value: string) =>
  store.transact({ compare: [], success: [{ type: 'put', key, value: bytes(value) }] });
const remove = (store: Store, key: string) => store.transact({ compare: [], success: [{ type: 'delete', key }] });
const prefix = (key: string) => ({ key, end: prefixEnd(key) });

/** Collects what a watch sees, and waits until it has seen `count` events or its end. */
function recorder() {
  const events: WatchEvent[] = [];
  const calls: { count: number; revision: number }[] = [];
  let closed: StoreError | undefined;
  let wake = (): void => undefined;
  return {
    events,
    calls,
    get closed() {
      return closed;
    },
    handlers: {
      onEvents(seen: readonly WatchEvent[], revision: number) {
        events.push(...seen);
        calls.push({ count: seen.length, revision });
        wake();
      },
      onClose(error: StoreError) {
        closed = error;
        wake();
      },
    },
    async until(count: number): Promise<void> {
      while (events.length < count && !closed) await new Promise<void>((resolve) => (wake = resolve));
    },
    summary: () => events.map((e) => `${e.type} ${e.current.key}@${e.current.modRevision} ${text(e.current)}`),
  };
}

describe('transactions', () => {
  it('move the revision by one if they write and not at all if they do not', async () => {
    const { store } = createMemoryStore();
    expect(store.revision).toBe(1);
    const both = await store.transact({
      compare: [],
      success: [
        { type: 'put', key: 'a', value: bytes('1') },
        { type: 'put', key: 'b', value: bytes('2') },
      ],
    });
    expect(both).toMatchObject({ succeeded: true, revision: 2 });
    expect((await remove(store, 'missing')).revision).toBe(2);
    expect((await store.transact({ compare: [], success: [{ type: 'range', key: 'a' }] })).revision).toBe(2);
    expect(store.get('b')).toMatchObject({ createRevision: 2, modRevision: 2, version: 1 });
  });

  it('are decided where they stand in the log, so that one of two rivals wins', async () => {
    const { store } = createMemoryStore();
    const create = (value: string) =>
      store.transact({
        compare: [{ key: 'k', target: 'createRevision', operator: '=', operand: 0 }],
        success: [{ type: 'put', key: 'k', value: bytes(value) }],
        failure: [{ type: 'range', key: 'k' }],
      });
    const [first, second] = await Promise.all([create('first'), create('second')]);
    expect(first.succeeded).toBe(true);
    expect(second.succeeded).toBe(false);
    const answer = second.results[0]!;
    expect(answer.type === 'range' && answer.items.map(text)).toEqual(['first']);
  });

  it('start a new life for a key that was deleted', async () => {
    const { store } = createMemoryStore();
    await put(store, 'k', 'a');
    await put(store, 'k', 'b');
    expect(store.get('k')).toMatchObject({ createRevision: 2, modRevision: 3, version: 2 });
    await remove(store, 'k');
    expect(store.get('k')).toBeUndefined();
    await put(store, 'k', 'c');
    expect(store.get('k')).toMatchObject({ createRevision: 5, modRevision: 5, version: 1 });
    expect(text(store.get('k', 3))).toBe('b');
    expect(store.get('k', 4)).toBeUndefined();
  });

  it('are refused under any other term than the one they are fenced to', async () => {
    const { store, proposer } = createMemoryStore();
    const write = (fenceTerm: number) =>
      store.transact({ compare: [], success: [{ type: 'put', key: 'k', value: bytes('x') }] }, { fenceTerm });
    await write(1);
    proposer.setTerm(2);
    await expect(write(1)).rejects.toMatchObject({ code: 'fenced' });
    expect(store.revision).toBe(2);
    expect((await write(2)).revision).toBe(3);
  });

  it('that are malformed or too large are refused before they are proposed', async () => {
    const { store, proposer } = createMemoryStore();
    const attempt = (key: string, value: Uint8Array, more = 0) =>
      store.transact({
        compare: [],
        success: [
          { type: 'put', key, value },
          ...Array.from({ length: more }, (_, i) => ({ type: 'put' as const, key: `${key}${i}`, value })),
        ],
      });
    await expect(attempt('k', Buffer.alloc(maxValueBytes + 1))).rejects.toMatchObject({ code: 'too-large' });
    await expect(attempt('k', Buffer.alloc(maxValueBytes), maxCommandBytes / maxValueBytes)).rejects.toMatchObject({
      code: 'too-large',
    });
    await expect(attempt('k'.repeat(maxKeyBytes + 1), bytes(''))).rejects.toMatchObject({ code: 'too-large' });
    await expect(attempt('', bytes(''))).rejects.toMatchObject({ code: 'invalid' });
    await expect(attempt('snow \u2603', bytes(''))).rejects.toMatchObject({ code: 'invalid' });
    const twice = store.transact({
      compare: [],
      success: [
        { type: 'put', key: 'ab', value: bytes('') },
        { type: 'delete', ...prefix('a') },
      ],
    });
    await expect(twice).rejects.toMatchObject({ code: 'duplicate-key' });
    expect(proposer.log).toEqual([]);
  });

  it.each([
    ['refused', 'unavailable'],
    ['overloaded', 'unavailable'],
    ['no-leader', 'unavailable'],
    ['unknown', 'unknown-outcome'],
    ['stopped', 'unknown-outcome'],
  ] as const)('fail with a code that says whether they may be written: %s is %s', async (raft, code) => {
    const { store, proposer } = createMemoryStore();
    proposer.setFailure(raft);
    await expect(put(store, 'k', 'v')).rejects.toMatchObject({ name: 'StoreError', code });
    await expect(store.linearizable()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('keep values apart from the memory that carried them', async () => {
    const { store } = createMemoryStore();
    const value = bytes('before');
    await store.transact({ compare: [], success: [{ type: 'put', key: 'k', value }] });
    value.fill(0);
    expect(text(store.get('k'))).toBe('before');
  });
});

describe('range', () => {
  it('pages in byte order, says whether more follows and how many there are', async () => {
    const { store } = createMemoryStore();
    for (const key of ['b/2', 'a', 'b/\u00ff', 'b/1', 'c']) await put(store, key, key);
    await remove(store, 'c');
    const page = store.range({ ...prefix('b/'), limit: 2 });
    expect(page).toMatchObject({ revision: 7, more: true, count: 3 });
    expect(page.items.map((item) => item.key)).toEqual(['b/1', 'b/2']);
    const rest = store.range({ key: `${page.items[1]!.key}\0`, end: prefixEnd('b/'), revision: page.revision });
    expect(rest).toMatchObject({ more: false, count: 1 });
    expect(store.range({ key: 'b', end: '' }).items.map((item) => item.key)).toEqual(['b/1', 'b/2', 'b/\u00ff']);
  });

  it('refuses the future and what was compacted', async () => {
    const { store } = createMemoryStore();
    for (const value of ['1', '2', '3']) await put(store, 'k', value);
    expect(() => store.range({ key: 'k', revision: 5 })).toThrow(expect.objectContaining({ code: 'future-revision' }));
    await store.compact(3);
    expect(() => store.get('k', 2)).toThrow(expect.objectContaining({ code: 'compacted' }));
    expect(text(store.get('k', 3))).toBe('2');
    expect(store.compactedRevision).toBe(3);
  });
});

describe('watch', () => {
  it('sees history first and then what follows, without a gap', async () => {
    const { store } = createMemoryStore();
    await put(store, 'p/a', '1');
    await put(store, 'q', 'elsewhere');
    await put(store, 'p/a', '2');
    const seen = recorder();
    store.watch({ ...prefix('p/'), startRevision: 2 }, seen.handlers);
    await Promise.all([put(store, 'p/b', '3'), remove(store, 'p/a'), put(store, 'q', 'elsewhere')]);
    await seen.until(4);
    await put(store, 'p/c', '4');
    expect(seen.summary()).toEqual(['put p/a@2 1', 'put p/a@4 2', 'put p/b@5 3', 'delete p/a@6 ', 'put p/c@8 4']);
    expect(seen.events.map((event) => text(event.previous))).toEqual([undefined, '1', undefined, '2', undefined]);
    expect(seen.calls.at(-1)!.revision).toBe(8);
  });

  it('gets a batch in one call, whose events all watches of the range share', async () => {
    const { store } = createMemoryStore();
    const [one, two, other] = [recorder(), recorder(), recorder()];
    store.watch(prefix('p/'), one.handlers);
    store.watch(prefix('p/'), two.handlers);
    store.watch({ key: 'p/1' }, other.handlers);
    store.watch({ key: 'p/1', end: 'p/3' }, other.handlers);
    await Promise.all(['p/0', 'p/1', 'p/2', 'p/3'].map((key) => put(store, key, 'v')));
    expect(one.calls).toEqual([{ count: 4, revision: 5 }]);
    expect(two.events[2]).toBe(one.events[2]);
    expect(other.events.map((event) => event.current.key)).toEqual(['p/1', 'p/1', 'p/2']);
  });

  it('waits for a revision in the future', async () => {
    const { store } = createMemoryStore();
    const seen = recorder();
    store.watch({ key: 'k', startRevision: 3 }, seen.handlers);
    await put(store, 'k', 'too early');
    await put(store, 'k', 'wanted');
    expect(seen.summary()).toEqual(['put k@3 wanted']);
  });

  it('is refused when its start was compacted, and closed when history goes away under it', async () => {
    const { store } = createMemoryStore();
    for (const value of ['1', '2', '3', '4']) await put(store, 'k', value);
    const live = recorder();
    store.watch({ key: 'k' }, live.handlers);
    // Proposed before the watch begins, so that it is applied before the watch has its first turn.
    const compaction = store.compact(4);
    const late = recorder();
    store.watch({ key: 'k', startRevision: 2 }, late.handlers);
    await compaction;
    await late.until(1);
    expect(late.closed).toMatchObject({ code: 'compacted' });
    expect(late.events).toEqual([]);
    expect(() => store.watch({ key: 'k', startRevision: 4 }, late.handlers)).toThrow(
      expect.objectContaining({ code: 'compacted' }),
    );
    await put(store, 'k', '5');
    expect(live.summary()).toEqual(['put k@6 5']);
    expect(live.closed).toBeUndefined();
  });

  it('tells nothing more once it is cancelled', async () => {
    const { store } = createMemoryStore();
    const seen = recorder();
    const watch = store.watch({ key: 'k' }, seen.handlers);
    await put(store, 'k', '1');
    watch.cancel();
    await put(store, 'k', '2');
    expect(seen.summary()).toEqual(['put k@2 1']);
    expect(seen.closed).toBeUndefined();
  });

  it('catches up with more history than fits one call without cutting a revision in two', async () => {
    const { store } = createMemoryStore();
    for (let i = 0; i < 3; i++) {
      await store.transact({
        compare: [],
        success: Array.from({ length: 700 }, (_, j) => ({ type: 'put' as const, key: `k/${j}`, value: bytes(`${i}`) })),
      });
    }
    const seen = recorder();
    store.watch({ ...prefix('k/'), startRevision: 2 }, seen.handlers);
    await seen.until(2100);
    expect(seen.calls).toEqual([
      { count: 1400, revision: 3 },
      { count: 700, revision: 4 },
    ]);
  });
});

describe('a watch', () => {
  const event = (seen: readonly WatchEvent[]) => seen.map(({ type, current }) => `${type} ${current.key}`);

  it('leaves out what its filters say, in history and live', async () => {
    const { store } = createMemoryStore();
    await put(store, 'k', '1');
    await remove(store, 'k');
    const [noPut, noDelete] = [recorder(), recorder()];
    store.watch({ key: 'k', startRevision: 2, filters: { noPut: true } }, noPut.handlers);
    store.watch({ ...prefix('k'), startRevision: 2, filters: { noDelete: true } }, noDelete.handlers);
    await Promise.all([noPut.until(1), noDelete.until(1)]);
    await put(store, 'k', '2');
    await remove(store, 'k');
    expect(event(noPut.events)).toEqual(['delete k', 'delete k']);
    expect(event(noDelete.events)).toEqual(['put k', 'put k']);
  });

  it('shares one place for encodings with every watch of the same range and filters', async () => {
    const { store } = createMemoryStore();
    const seen: WatchBatch[] = [];
    const handlers = {
      onEvents: (_events: readonly WatchEvent[], _revision: number, batch: WatchBatch) => seen.push(batch),
      onClose: () => expect.unreachable(),
    };
    store.watch(prefix('k'), handlers);
    store.watch(prefix('k'), handlers);
    store.watch({ ...prefix('k'), filters: { noDelete: true } }, handlers);
    await put(store, 'k', '1');
    expect(new Set(seen).size).toBe(2);
    expect(seen[0]).toBe(seen[1]);
    const slot = allocateEncodingSlot();
    seen[0]!.encodings[slot] = 'encoded';
    expect([seen[1]!.encodings[slot], seen[2]!.encodings[slot], allocateEncodingSlot()]).toEqual([
      'encoded',
      undefined,
      slot + 1,
    ]);
  });

  it('that is paused goes on where it stopped, without a gap', async () => {
    const { store } = createMemoryStore();
    const seen = recorder();
    const watch = store.watch(prefix('k'), {
      ...seen.handlers,
      onEvents(events, revision) {
        seen.handlers.onEvents(events, revision);
        if (seen.events.length === 1) watch.pause();
      },
    });
    await put(store, 'k/1', '1');
    await put(store, 'k/2', '2');
    await put(store, 'elsewhere', '3');
    expect([event(seen.events), watch.nextRevision()]).toEqual([['put k/1'], 3]);
    watch.resume();
    await Promise.all([seen.until(2), put(store, 'k/3', '4')]);
    expect(event(seen.events)).toEqual(['put k/1', 'put k/2', 'put k/3']);
    watch.pause();
    expect(watch.nextRevision()).toBe(6);
    watch.cancel();
    watch.resume();
    await put(store, 'k/4', '5');
    expect(seen.events.length).toBe(3);
  });

  it('that stays paused until compaction has overtaken it is closed and told where it can resume', async () => {
    const { store } = createMemoryStore();
    const [slow, idle] = [recorder(), recorder()];
    const watch = store.watch({ key: 'k' }, slow.handlers);
    const other = store.watch({ key: 'nothing' }, idle.handlers);
    watch.pause();
    await put(store, 'k', '1');
    await put(store, 'k', '2');
    // Paused only now: it has missed nothing, although it has never been told anything.
    other.pause();
    await store.compact(3);
    expect(slow.closed).toMatchObject({ code: 'slow', resumeRevision: 4 });
    expect(idle.closed).toBeUndefined();
    other.resume();
    await put(store, 'nothing', '3');
    await idle.until(1);
    expect(idle.summary()).toEqual(['put nothing@4 3']);
  });

  it('tells its progress when asked, as soon as it is in step', async () => {
    const { store } = createMemoryStore();
    for (let i = 0; i < 3; i++) await put(store, 'k', `${i}`);
    const told: string[] = [];
    const watch = store.watch(
      { key: 'k', startRevision: 2 },
      {
        onEvents: (events, revision) => {
          told.push(`${events.length} to ${revision}`);
          watch.requestProgress();
        },
        onProgress: (revision) => told.push(`progress ${revision}`),
        onClose: () => expect.unreachable(),
      },
    );
    watch.requestProgress();
    expect(told).toEqual([]);
    await put(store, 'other', 'x');
    await put(store, 'other', 'x');
    expect(told).toEqual(['3 to 4', 'progress 4']);
    watch.requestProgress();
    expect(told.at(-1)).toBe('progress 6');
    await Promise.all([put(store, 'k', 'y'), put(store, 'other', 'x')]);
    expect(told.slice(3)).toEqual(['1 to 8', 'progress 8']);
  });

  it('tells its progress by itself after a while without events', async () => {
    const clock = new ManualClock();
    const { store } = createMemoryStore({ clock });
    const told: number[] = [];
    const handlers = {
      onEvents: () => undefined,
      onProgress: (revision: number) => told.push(revision),
      onClose: () => expect.unreachable(),
    };
    const watch = store.watch({ key: 'k', progressNotify: true }, handlers);
    clock.advance(progressIntervalMs - 1);
    await put(store, 'k', '1');
    clock.advance(progressIntervalMs - 1);
    expect(told).toEqual([]);
    await put(store, 'other', '1');
    clock.advance(1);
    expect(told).toEqual([3]);
    clock.advance(progressIntervalMs);
    watch.cancel();
    clock.advance(10 * progressIntervalMs);
    expect(told).toEqual([3, 3]);
  });
});

describe('what the store refuses', () => {
  const value = bytes('v');
  const one = (key: string, more = {}): Operation => ({ type: 'put', key, value, ...more });
  const gone = (key: string, end?: string): Operation => ({ type: 'delete', key, end });
  const nested = (success: Operation[], failure: Operation[] = []): Operation => ({
    type: 'transaction',
    transaction: { compare: [], success, failure },
  });

  it.each<[string, Operation[], boolean]>([
    ['the same key twice', [one('a'), one('a')], false],
    ['a put and a delete of it', [gone('a'), one('a')], false],
    ['a put in a range that is deleted', [one('ab'), gone('a', 'b')], false],
    ['a put where everything from a key on is deleted', [one('z'), gone('a', '')], false],
    ['a put here and in a nested transaction', [one('a'), nested([one('a')])], false],
    ['puts in two nested transactions', [nested([one('a')]), nested([], [one('a')])], false],
    ['a put nested in what is deleted here', [gone('a'), nested([nested([one('a')])])], false],
    ['a put here of what is deleted in a nested one', [one('a'), nested([], [gone('a')])], false],
    ['a put in one branch of what the other deletes', [nested([one('a')], [gone('a')])], false],
    ['a delete in an earlier nested one', [nested([gone('a')]), nested([one('a')])], false],
    ['puts of both branches of one', [nested([one('a')], [one('a')])], true],
    ['a delete in a later nested one', [nested([one('a')]), nested([gone('a')])], true],
    ['deletes of the same', [gone('a'), gone('a', 'b')], true],
  ])('a key written twice, as etcd sees it: %s', async (_name, success, allowed) => {
    const { store, proposer } = createMemoryStore();
    const code = await store.transact({ compare: [], success }).then(
      () => 'done',
      (error: StoreError) => error.code,
    );
    expect(code).toBe(allowed ? 'done' : 'duplicate-key');
    expect(proposer.log.length).toBe(allowed ? 1 : 0);
  });

  it('a put and then a delete of a key in one transaction leave the key gone, and both can be watched', async () => {
    const { store } = createMemoryStore();
    const seen = recorder();
    store.watch({ key: 'a' }, seen.handlers);
    await store.transact({ compare: [], success: [nested([one('a')]), nested([gone('a')])] });
    expect(store.get('a')).toBeUndefined();
    expect(seen.summary()).toEqual(['put a@2 v', 'delete a@2 ']);
    const late = recorder();
    store.watch({ ...prefix('a'), startRevision: 2 }, late.handlers);
    await late.until(2);
    expect(late.summary()).toEqual(seen.summary());
    expect(late.events.map((event) => text(event.previous))).toEqual([undefined, 'v']);
  });

  it('too many operations, too deep ones and contradictions', async () => {
    const { store, proposer } = createMemoryStore();
    const refusal = (success: Operation[]) =>
      store.transact({ compare: [], success }).catch((error: StoreError) => error.code);
    const many = (count: number) => Array.from({ length: count }, (_, i) => gone(`${i}`));
    expect(await refusal(many(maxTransactionItems + 1))).toBe('too-many-operations');
    const four = [0, 1, 2].map(() => nested(many(maxTransactionItems)));
    expect(await refusal([...four, gone('a')])).toBe('too-many-operations');
    let deep = one('a');
    for (let i = 0; i <= maxTransactionDepth; i++) deep = nested([deep]);
    expect(await refusal([deep])).toBe('too-many-operations');
    expect(await refusal([one('a', { ignoreValue: true })])).toBe('invalid');
    expect(await refusal([one('a', { ignoreLease: true, leaseId: 1n })])).toBe('invalid');
    expect(proposer.log).toEqual([]);
  });

  it('what cannot be carried out at its place in the log, and then nothing of the transaction is', async () => {
    const { store } = createMemoryStore();
    for (const key of ['a', 'b', 'c']) await put(store, key, key);
    await store.compact(3);
    const before = store.stateHash().hash;
    const refusal = (operation: Operation) =>
      store
        .transact({ compare: [], success: [one('x'), nested([operation])] })
        .catch((error: StoreError) => error.code);
    expect(await refusal(one('missing', { value: bytes(''), ignoreValue: true }))).toBe('key-not-found');
    expect(await refusal(one('missing', { ignoreLease: true }))).toBe('key-not-found');
    expect(await refusal(one('y', { leaseId: 5n }))).toBe('lease-not-found');
    expect(await refusal({ type: 'range', key: 'a', revision: 2 })).toBe('compacted');
    expect(await refusal({ type: 'range', key: 'a', revision: 5 })).toBe('future-revision');
    expect(store.stateHash().hash).toBe(before);
    await expect(store.compact(3)).rejects.toMatchObject({ code: 'compacted' });
    await expect(store.compact(99)).rejects.toMatchObject({ code: 'future-revision' });
  });

  it('puts and leases while its space is used up; deletes free it again', async () => {
    const { store } = createMemoryStore({ quota: { bytes: 20_000, heapBytes: 1e9 } });
    const large = (key: string) => put(store, key, 'x'.repeat(1_000));
    await store.grantLease({ id: 1n, ttlSeconds: 60 });
    let written = 0;
    const code = await (async () => {
      for (;;) {
        await large(`k${written}`);
        written++;
      }
    })().catch((error: StoreError) => error.code);
    expect([code, written > 10 && written < 20]).toEqual(['no-space', true]);
    expect(store.usage()).toMatchObject({ alarm: 'no-space', quotaBytes: 20_000, keys: written });
    await expect(store.grantLease({ ttlSeconds: 60 })).rejects.toMatchObject({ code: 'no-space' });
    await expect(store.transact({ compare: [], success: [], failure: [nested([one('k')])] })).rejects.toMatchObject({
      code: 'no-space',
    });
    expect(await store.keepAlive([1n])).toEqual([60]);
    await store.transact({ compare: [], success: [gone('k', 'l')] });
    await store.compact(store.revision);
    expect(store.usage()).toMatchObject({ alarm: undefined, keys: 0, versions: 0, liveBytes: 0, historyBytes: 0 });
    await large('again');
  });
});

describe('waiting', () => {
  it('for a revision ends when this replica reaches it', async () => {
    const { store } = createMemoryStore();
    const waiting = store.waitForRevision(3);
    await put(store, 'k', '1');
    await put(store, 'k', '2');
    await waiting;
    expect(store.revision).toBe(3);
    expect(await store.linearizable()).toBe(3);
  });

  it('for a revision ends by time or signal', async () => {
    const { store } = createMemoryStore();
    await expect(store.waitForRevision(9, { timeoutMs: 1 })).rejects.toMatchObject({ code: 'future-revision' });
    const controller = new AbortController();
    const waiting = store.waitForRevision(9, { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
  });
});
