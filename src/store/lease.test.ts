import { describe, expect, it } from 'vitest';
import { ManualClock } from '../lib/clock.ts';
import { encodeCommand } from './command-codec.ts';
import { leaseCheckpointMs, leaseGraceMs, leaseTickMs } from './lease-keeper.ts';
import { maxLeasesPerCommand, maxLeaseTtlSeconds } from './limits.ts';
import { createMemoryStore } from './testing/memory-proposer.ts';
import type { Store, WatchEvent } from './types.ts';

const put = (store: Store, key: string, leaseId: bigint | undefined, more = {}) =>
  store.transact({ compare: [], success: [{ type: 'put', key, value: Buffer.from(key), leaseId, ...more }] });
const turns = async () => {
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** A replica whose clock moves in ticks, so that what a keeper proposes is committed in between. */
function leading(randomId?: () => bigint) {
  const clock = new ManualClock();
  const made = createMemoryStore({ clock, randomId });
  const controller = new AbortController();
  const errors: unknown[] = [];
  const lead = (term: number, signal = controller.signal) =>
    made.startLeaseKeeper({ term, signal, onError: (error) => errors.push(error) });
  const pass = async (durationMs: number) => {
    for (let left = durationMs; left > 0; left -= leaseTickMs) {
      clock.advance(Math.min(left, leaseTickMs));
      await turns();
    }
  };
  return { ...made, clock, controller, errors, lead, pass };
}

describe('a lease', () => {
  it('ends with its keys in one revision, when its time is over and not before', async () => {
    const { store, lead, pass } = leading();
    lead(1);
    await store.grantLease({ id: 7n, ttlSeconds: 10 });
    await put(store, 'b', 7n);
    await put(store, 'a', 7n);
    await put(store, 'other', undefined);
    const events: WatchEvent[] = [];
    store.watch({ key: '', end: '' }, { onEvents: (seen) => events.push(...seen), onClose: () => undefined });
    await pass(9_800);
    expect(store.timeToLive(7n, true)).toEqual({ id: 7n, ttlSeconds: 10, remainingSeconds: 0, keys: ['a', 'b'] });
    const before = store.revision;
    await pass(600);
    expect(store.timeToLive(7n)).toBeUndefined();
    expect(events.map((event) => [event.type, event.current.key, event.current.modRevision])).toEqual([
      ['delete', 'a', before + 1],
      ['delete', 'b', before + 1],
    ]);
    expect(store.get('other')).toBeDefined();
    expect(store.leases()).toEqual([]);
  });

  it('lives as long as it is renewed', async () => {
    const { store, lead, pass } = leading();
    lead(1);
    await store.grantLease({ id: 7n, ttlSeconds: 3 });
    for (let i = 0; i < 5; i++) {
      await pass(2_000);
      expect(await store.keepAlive([7n, 8n])).toEqual([3, undefined]);
    }
    await pass(4_000);
    expect(await store.keepAlive([7n])).toEqual([undefined]);
  });

  it('that is over but not yet revoked cannot be renewed on the leader', async () => {
    const { store, clock, proposer } = leading();
    await store.grantLease({ id: 7n, ttlSeconds: 2 });
    clock.advance(2_001);
    expect(store.timeToLive(7n)).toMatchObject({ remainingSeconds: -1 });
    const before = proposer.log.length;
    expect(await store.keepAlive([7n])).toEqual([undefined]);
    expect(proposer.log.length).toBe(before);
  });

  it('that was renewed before its end stands in the log is not ended', async () => {
    const { store, proposer } = leading();
    await store.grantLease({ id: 7n, ttlSeconds: 6 });
    await store.grantLease({ id: 8n, ttlSeconds: 6 });
    const seen = [7n, 8n, 9n].map((id) => ({ id, renewals: 0 }));
    const [renewed, ended] = await Promise.all([
      proposer.propose(encodeCommand({ type: 'lease-keep-alive', ids: [7n] })),
      proposer.propose(encodeCommand({ type: 'lease-expire', leases: seen })),
    ]);
    expect(renewed).toEqual({ type: 'lease-keep-alive', ttlSeconds: [6] });
    expect(ended).toEqual({ type: 'lease-expire', revoked: [8n] });
    expect(store.leases().map(({ id }) => id)).toEqual([7n]);
  });

  it('is not shortened when another replica takes over, and gets time to be renewed', async () => {
    const clock = new ManualClock();
    const old = createMemoryStore({ clock });
    const next = createMemoryStore({ clock });
    await old.store.grantLease({ id: 7n, ttlSeconds: 60 });
    await old.store.grantLease({ id: 8n, ttlSeconds: 2 });
    clock.advance(1_000);
    for (const entry of old.proposer.log) next.stateMachine.apply(entry);
    expect(next.store.timeToLive(7n)?.remainingSeconds).toBe(60);
    clock.advance(59_500);
    next.startLeaseKeeper({ term: 2, signal: new AbortController().signal });
    expect(next.store.timeToLive(7n)?.remainingSeconds).toBe(leaseGraceMs / 1000);
    expect(next.store.timeToLive(8n)?.remainingSeconds).toBe(2);
  });

  it('is not shortened by time in which the process stood still', async () => {
    const { store, lead, pass, clock } = leading();
    await store.grantLease({ id: 7n, ttlSeconds: 10 });
    lead(1);
    await pass(1_000);
    // A long pause runs no timers; the first one afterwards comes late.
    const { setTimer } = clock;
    clock.setTimer = (delayMs, callback) => setTimer.call(clock, delayMs + 30_000, callback);
    await pass(200);
    clock.setTimer = setTimer;
    clock.advance(31_000);
    await turns();
    expect(store.timeToLive(7n)?.remainingSeconds).toBeGreaterThanOrEqual(7);
  });

  it('does not begin anew when everything restarts, if it was recorded what was left', async () => {
    const { store, proposer, stateMachine, lead, pass } = leading();
    lead(1);
    await store.grantLease({ id: 7n, ttlSeconds: 100 });
    await pass(leaseCheckpointMs + 1_000);
    const fromLog = createMemoryStore({ clock: new ManualClock() });
    for (const entry of proposer.log) fromLog.stateMachine.apply(entry);
    const fromSnapshot = createMemoryStore({ clock: new ManualClock() });
    await fromSnapshot.stateMachine.restore(
      (async function* () {
        yield* stateMachine.snapshot();
      })(),
      proposer.log.length,
    );
    for (const { store: restarted } of [fromLog, fromSnapshot]) {
      expect(restarted.timeToLive(7n)?.remainingSeconds).toBeLessThanOrEqual(40);
      expect(restarted.timeToLive(7n)?.remainingSeconds).toBeGreaterThanOrEqual(39);
      expect(restarted.stateHash().hash).toBe(store.stateHash().hash);
    }
    await store.keepAlive([7n]);
    expect(store.timeToLive(7n)?.remainingSeconds).toBe(100);
  });

  it('is not ended by one who led in an earlier term', async () => {
    const { store, proposer, lead, pass, errors } = leading();
    lead(1);
    await store.grantLease({ id: 7n, ttlSeconds: 2 });
    proposer.setTerm(2);
    await pass(leaseGraceMs + 1_000);
    expect(store.timeToLive(7n)).toBeDefined();
    expect(errors[0]).toMatchObject({ code: 'fenced' });
  });

  it('is left alone once the keeper was told to end', async () => {
    const { store, lead, pass, controller } = leading();
    lead(1);
    await store.grantLease({ id: 7n, ttlSeconds: 2 });
    controller.abort();
    await pass(10_000);
    expect(store.timeToLive(7n)).toBeDefined();
  });

  it('loses a key that is put without it or with another, and keeps it if told to', async () => {
    const { store } = createMemoryStore();
    await store.grantLease({ id: 1n, ttlSeconds: 60 });
    await store.grantLease({ id: -2n, ttlSeconds: 60 });
    for (const key of ['a', 'b', 'c', 'd']) await put(store, key, 1n);
    await put(store, 'a', undefined);
    await put(store, 'b', -2n);
    await put(store, 'c', undefined, { ignoreLease: true });
    await store.transact({ compare: [], success: [{ type: 'delete', key: 'd' }] });
    expect(store.timeToLive(1n, true)?.keys).toEqual(['c']);
    expect(store.timeToLive(-2n, true)?.keys).toEqual(['b']);
    expect(store.get('c')).toMatchObject({ leaseId: 1n, version: 2 });
    await store.revokeLease(1n);
    expect(store.get('c')).toBeUndefined();
    expect(store.get('b')).toMatchObject({ leaseId: -2n });
    expect(store.get('c', store.revision - 1)).toMatchObject({ leaseId: 1n });
  });
});

describe('leases are refused', () => {
  it('with an id that is taken, and a free one is found if any will do', async () => {
    const ids = [5n, 5n, -1n];
    const { store } = leading(() => ids.shift()!);
    expect(await store.grantLease({ ttlSeconds: 60 })).toEqual({ id: 5n, ttlSeconds: 60, revision: 1 });
    await expect(store.grantLease({ id: 5n, ttlSeconds: 60 })).rejects.toMatchObject({ code: 'lease-exists' });
    expect((await store.grantLease({ id: 0n, ttlSeconds: 60 })).id).toBe(2n ** 63n - 1n);
  });

  it('with too long a time; too short a time is raised', async () => {
    const { store } = leading();
    const tooLong = store.grantLease({ ttlSeconds: maxLeaseTtlSeconds + 1 });
    await expect(tooLong).rejects.toMatchObject({ code: 'lease-ttl-too-large' });
    expect((await store.grantLease({ ttlSeconds: maxLeaseTtlSeconds })).ttlSeconds).toBe(maxLeaseTtlSeconds);
    for (const ttlSeconds of [-5, 0, 1]) expect((await store.grantLease({ ttlSeconds })).ttlSeconds).toBe(2);
  });

  it('when they are not there', async () => {
    const { store } = leading();
    await expect(put(store, 'k', 9n)).rejects.toMatchObject({ code: 'lease-not-found' });
    await expect(store.revokeLease(9n)).rejects.toMatchObject({ code: 'lease-not-found' });
    expect(await store.keepAlive([9n])).toEqual([undefined]);
    expect(store.timeToLive(9n)).toBeUndefined();
    expect(store.revision).toBe(1);
  });

  it('when one call renews too many', async () => {
    const { store, proposer } = leading();
    proposer.leadership = () => ({ term: 1, leaderId: 2, isLeader: false });
    const ids = Array.from({ length: maxLeasesPerCommand + 1 }, (_, i) => BigInt(i + 1));
    await expect(store.keepAlive(ids)).rejects.toMatchObject({ code: 'too-many-operations' });
  });
});

it('renewals of one turn travel together and each gets its own answer', async () => {
  const { store, proposer } = leading();
  await store.grantLease({ id: 1n, ttlSeconds: 10 });
  await store.grantLease({ id: 2n, ttlSeconds: 20 });
  const before = proposer.log.length;
  const answers = await Promise.all([store.keepAlive([1n]), store.keepAlive([2n, 1n]), store.keepAlive([2n])]);
  expect(answers).toEqual([[10], [20, 10], [20]]);
  expect(proposer.log.length).toBe(before + 1);
  proposer.setFailure('no-leader');
  await expect(store.keepAlive([1n])).rejects.toMatchObject({ code: 'unavailable' });
});
