import { describe, expect, it } from 'vitest';
import { maxCommandBytes, maxKeyBytes, maxValueBytes } from './limits.ts';
import { createMemoryStore } from './testing/memory-proposer.ts';
import { type KeyValue, prefixEnd, type Store, type StoreError, type WatchEvent } from './types.ts';

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
