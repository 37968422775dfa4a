/** The suite that every log storage must pass; `reopen` is a clean end and a new start. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from './core/types.ts';
import type { LogStorage, LogWrite } from './log-storage.ts';
import { MemoryLogStorage } from './memory-log-storage.ts';
import { RocksLogStorage } from './rocks-log-storage.ts';

const identity = { clusterId: 'c', memberId: 1 };
const entry = (index: number, term: number): Entry => ({
  index,
  term,
  kind: 'command',
  origin: 3,
  sequence: index,
  command: new Uint8Array(Buffer.from(`${index}/${term}`)),
});
const range = (from: number, to: number, term: number) =>
  Array.from({ length: to - from + 1 }, (_, position) => entry(from + position, term));

let dir: string;
let storage: LogStorage;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-log-'));
});
afterEach(async () => {
  await storage.close();
  rmSync(dir, { recursive: true, force: true });
});

function write(batch: Omit<LogWrite, 'sync'>): Promise<void> {
  return new Promise((resolve) => storage.write({ ...batch, sync: true }, resolve));
}

const implementations = [
  {
    name: 'MemoryLogStorage',
    open: async () => new MemoryLogStorage(),
    async reopen() {
      (storage as MemoryLogStorage).crash(0);
    },
  },
  {
    name: 'RocksLogStorage',
    open: () => RocksLogStorage.open(dir, identity),
    async reopen() {
      await storage.close();
      storage = await RocksLogStorage.open(dir, identity);
    },
  },
];

describe.each(implementations)('$name', ({ open, reopen }) => {
  beforeEach(async () => {
    storage = await open();
  });

  const contents = () =>
    storage
      .entries(storage.firstIndex(), storage.lastIndex() + 1, Number.POSITIVE_INFINITY)
      .map(({ checksum: _, ...rest }) => rest);

  test('is empty at first', () => {
    expect([storage.firstIndex(), storage.lastIndex(), storage.term(0)]).toEqual([1, 0, 0]);
    expect(storage.hardState()).toEqual({ term: 0, vote: 0, commit: 0 });
  });

  test('has entries and hard state after reopening', async () => {
    await write({ entries: range(1, 3, 1), hardState: { term: 1, vote: 2, commit: 2 } });
    await write({ entries: range(4, 5, 2) });
    await reopen();
    expect(contents()).toEqual([...range(1, 3, 1), ...range(4, 5, 2)]);
    expect([1, 3, 4, 5, 6].map((index) => storage.term(index))).toEqual([1, 1, 2, 2, undefined]);
    expect(storage.hardState()).toEqual({ term: 1, vote: 2, commit: 2 });
  });

  test('new entries replace everything from their first index on', async () => {
    await write({ entries: range(1, 9, 1) });
    await write({ entries: [entry(4, 2)] });
    const expected = [...range(1, 3, 1), entry(4, 2)];
    expect(contents()).toEqual(expected);
    await reopen();
    expect(contents()).toEqual(expected);
    expect(storage.term(5)).toBeUndefined();
  });

  test('entries stops at the byte limit but gives at least one', async () => {
    await write({ entries: range(1, 9, 1) });
    expect(storage.entries(2, 9, 1)).toEqual([entry(2, 1)]);
    expect(storage.entries(2, 9, 110).length).toBe(2);
  });

  test('compact keeps the tail, the terms at its edge and the snapshot', async () => {
    await write({ entries: [...range(1, 5, 1), ...range(6, 9, 2)] });
    storage.compact({ index: 7, term: 2 }, 5);
    const check = () => {
      expect([storage.firstIndex(), storage.lastIndex(), storage.term(5), storage.term(4)]).toEqual([
        6,
        9,
        1,
        undefined,
      ]);
      expect(contents()).toEqual(range(6, 9, 2));
      expect(storage.snapshot()).toEqual({ index: 7, term: 2 });
    };
    check();
    await reopen();
    check();
  });

  test('a received snapshot replaces the log, and entries go on behind it', async () => {
    await write({ entries: range(1, 5, 1) });
    await write({ snapshot: { index: 20, term: 3 }, hardState: { term: 3, vote: 0, commit: 20 } });
    expect([storage.firstIndex(), storage.lastIndex(), storage.term(20)]).toEqual([21, 20, 3]);
    await write({ entries: range(21, 22, 3) });
    await reopen();
    expect(contents()).toEqual(range(21, 22, 3));
    expect(storage.snapshot()).toEqual({ index: 20, term: 3 });
  });
});

describe('RocksLogStorage', () => {
  beforeEach(async () => {
    storage = await RocksLogStorage.open(dir, identity);
  });

  test('open refuses the folder of another member or cluster', async () => {
    await storage.close();
    await expect(RocksLogStorage.open(dir, { clusterId: 'c', memberId: 2 })).rejects.toThrow(/belongs to member 1/);
    await expect(RocksLogStorage.open(dir, { clusterId: 'd', memberId: 1 })).rejects.toThrow(/of cluster "c"/);
  });

  test('reads entries that are not in memory any more', async () => {
    const large = Buffer.alloc(8 << 20, 1);
    for (let index = 1; index <= 6; index++) await write({ entries: [{ ...entry(index, 1), command: large }] });
    expect(storage.entries(1, 3, Number.POSITIVE_INFINITY).map(({ index }) => index)).toEqual([1, 2]);
  });
});
