import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RocksLevel } from '@nxtedition/rocksdb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Entry } from './core/types.ts';
import type { StorageError } from './log-storage.ts';
import { RocksLogStorage } from './rocks-log-storage.ts';
import { Scrubber } from './scrubber.ts';
import { SnapshotWriter, snapshotPath } from './snapshot-file.ts';

let dir: string;
let storage: RocksLogStorage;
let scrubber: Scrubber | undefined;
const snapshot = { index: 20, term: 1 };

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-scrub-'));
  storage = await RocksLogStorage.open(join(dir, 'log'), { clusterId: 'c', memberId: 1 });
  for (let first = 1; first < 40; first += 10) {
    const entries = Array.from({ length: 10 }, (_, position): Entry => {
      const index = first + position;
      return { index, term: 1, kind: 'command', origin: 1, sequence: index, command: new Uint8Array(1000).fill(index) };
    });
    await new Promise<void>((resolve) => storage.write({ entries, sync: true }, resolve));
  }
  const writer = await SnapshotWriter.create(dir, snapshot, 'own');
  for (let count = 0; count < 10; count++) await writer.write(new Uint8Array(10_000).fill(count));
  await writer.finish();
  await new Promise<void>((resolve) => storage.compact(snapshot, 10, resolve));
});
afterEach(async () => {
  scrubber?.stop();
  await storage.close();
  rmSync(dir, { recursive: true, force: true });
});

function start(onDamage: (error: StorageError) => void): Scrubber {
  scrubber = new Scrubber({ log: storage, dataDir: dir, bytesPerSecond: 100 << 20, pauseMs: 5, onDamage });
  return scrubber;
}

const damage = () => new Promise<StorageError>((resolve) => start(resolve));

test('reads all that is kept, round after round, and finds nothing where nothing is', async () => {
  const found: StorageError[] = [];
  const one = start((error) => found.push(error));
  while (one.rounds < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(found).toEqual([]);
  // Three packs of ten entries and a snapshot of 100,000 bytes.
  expect(one.readBytes / one.rounds).toBeGreaterThan(130_000);
});

test('finds a flipped bit in an entry', async () => {
  const other = new RocksLevel(storage.handle, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await other.open();
  const key = Buffer.from('650000000000000015', 'hex');
  const [value] = await other.getMany([key]);
  value![5_000]! ^= 32;
  const batch = other.batch();
  batch._put(key, value!);
  batch._writeSync({ sync: true });
  batch.clear();
  expect(await damage()).toMatchObject({ reason: 'corrupt', message: expect.stringContaining('entries from 21 on') });
  await other.close();
});

test.each(['a flipped bit', 'a missing tail', 'a missing file'])('finds %s of the snapshot', async (kind) => {
  const path = snapshotPath(dir, snapshot);
  const bytes = readFileSync(path);
  bytes[50_000]! ^= 1;
  if (kind === 'a missing file') rmSync(path);
  else writeFileSync(path, kind === 'a flipped bit' ? bytes : readFileSync(path).subarray(0, 60_000));
  expect(await damage()).toMatchObject({ reason: 'corrupt', message: expect.stringContaining(path) });
});
