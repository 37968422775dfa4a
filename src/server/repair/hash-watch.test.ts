import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentLogger } from '../../lib/logger.ts';
import type { DirectoryMember, MemberDirectory } from '../cluster/member-directory.ts';
import type { PeerClients } from '../cluster/peer-clients.ts';
import { startHashWatch } from './hash-watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const member = (id: number): DirectoryMember => ({
  id,
  name: `m${id}`,
  learner: false,
  apiAddress: `h${id}:1`,
  grpcAddress: `h${id}:2`,
  raftAddress: `h${id}:3`,
  etcdAddress: '',
});

/** This is member 1 of three; `hashes[id]` is what each says of one mark, undefined for one that does not answer. */
function setUp(hashes: Record<number, string | undefined>, verified = true) {
  const members = [1, 2, 3].map(member);
  const directory: MemberDirectory = {
    list: () => members,
    others: () => members.slice(1),
    onChange: () => undefined,
  };
  const clients = {
    at: (address: string) => ({
      async unary() {
        const id = Number(address[1]);
        const hash = hashes[id];
        if (hash === undefined) throw new Error('down');
        return { id: BigInt(id), isolated: '', marks: [{ index: 9n, revision: 7n, hash }] };
      },
    }),
  } as unknown as PeerClients;
  const reasons: string[] = [];
  const watch = startHashWatch({
    memberId: 1,
    store: {
      revision: 7,
      hashMarks: () => [{ index: 9, revision: 7, hash: hashes[1]! }],
      verifyHash: async () => ({ ok: verified, versions: 1, expected: 'a', found: verified ? 'a' : 'b' }),
    },
    directory,
    clients,
    logger: silentLogger,
    signal: new AbortController().signal,
    verifyIntervalMs: 60_000,
    onDiffers: (reason) => reasons.push(reason),
  });
  return { watch, reasons };
}

test('a replica that differs from the majority gives up, once', async () => {
  const { reasons } = setUp({ 1: 'x', 2: 'a', 3: 'a' });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(reasons).toEqual([expect.stringContaining('differs from the majority')]);
});

test('one of the majority names the other and goes on', async () => {
  const { watch, reasons } = setUp({ 1: 'a', 2: 'x', 3: 'a' });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(reasons).toEqual([]);
  expect([...watch.problems.keys()]).toEqual([2]);
});

test('without a majority nobody gives up, and both are named', async () => {
  const { watch, reasons } = setUp({ 1: 'a', 2: 'x', 3: undefined });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(reasons).toEqual([]);
  expect([...watch.problems.keys()]).toEqual([1, 2]);
});

test('a state that has changed in memory without a write is given up', async () => {
  const { reasons } = setUp({ 1: 'a', 2: 'a', 3: 'a' }, false);
  await vi.advanceTimersByTimeAsync(50_000);
  expect(reasons).toEqual([]);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(reasons).toEqual([expect.stringContaining('in memory')]);
});
