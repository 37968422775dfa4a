/** Real files, damaged on purpose: everything is found, nothing is repaired that may have been acknowledged. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RocksLevel } from '@nxtedition/rocksdb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from './core/types.ts';
import { type LogWrite, StorageError, type StorageErrorReason } from './log-storage.ts';
import { RocksLogStorage } from './rocks-log-storage.ts';
import { readSnapshot, SnapshotWriter, snapshotPath } from './snapshot-file.ts';

const identity = { clusterId: 'fixture', memberId: 7 };
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
const write = (storage: RocksLogStorage, batch: Partial<LogWrite>) =>
  new Promise<void>((resolve) => storage.write({ sync: true, ...batch }, resolve));
const compact = (storage: RocksLogStorage, index: number, term: number, cut: number) =>
  new Promise<void>((resolve) => storage.compact({ index, term }, cut, resolve));

let dir: string;
let log: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-damage-'));
  log = join(dir, 'log');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function fill(): Promise<void> {
  const storage = await RocksLogStorage.open(log, identity);
  await write(storage, { entries: range(1, 9, 1), hardState: { term: 1, vote: 2, commit: 5 } });
  await write(storage, { entries: range(8, 10, 2), hardState: { term: 2, vote: 7, commit: 8 } });
  await compact(storage, 6, 1, 4);
  await storage.close();
}

async function changeRecord(key: Buffer, change: (value: Buffer) => Buffer | undefined): Promise<void> {
  const raw = new RocksLevel(log, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await raw.open();
  const [value] = await raw.getMany([key]);
  const changed = change(value!);
  const batch = raw.batch();
  if (changed) batch._put(key, changed);
  else batch._del(key);
  batch._writeSync({ sync: true });
  batch.clear();
  await raw.close();
}

async function openError(): Promise<StorageError> {
  const opened = await RocksLogStorage.open(log, identity).catch((error: unknown) => error);
  if (opened instanceof RocksLogStorage) {
    await opened.close();
    throw new Error('the damage was not noticed');
  }
  expect(opened).toBeInstanceOf(StorageError);
  return opened as StorageError;
}

const flip = (bit: number) => (value: Buffer) => {
  value[(bit >> 3) % value.length]! ^= 1 << (bit & 7);
  return value;
};
const entryKey = (index: number) => Buffer.from(`65${index.toString(16).padStart(16, '0')}`, 'hex');
const records = [
  { name: 'format version', key: Buffer.from('v') },
  { name: 'owner', key: Buffer.from('i') },
  { name: 'hard state', key: Buffer.from('h') },
  { name: 'snapshot record', key: Buffer.from('s') },
  { name: 'first pack of entries', key: entryKey(1) },
  { name: 'last pack of entries', key: entryKey(8) },
];

describe('open', () => {
  test.each(records)('finds any flipped bit in the $name, and names the file', async ({ key }) => {
    await fill();
    for (const bit of [0, 34, 611]) {
      cpSync(log, join(dir, 'copy'), { recursive: true });
      await changeRecord(key, flip(bit));
      const error = await openError();
      expect(error.reason).toBe('corrupt');
      expect(error.message).toContain(log);
      expect(error.message).toContain('it is rebuilt from them');
      rmSync(log, { recursive: true });
      cpSync(join(dir, 'copy'), log, { recursive: true });
    }
  });

  test.each(records.filter(({ name }) => name !== 'snapshot record'))('finds a $name that is gone', async ({ key }) => {
    await fill();
    await changeRecord(key, () => undefined);
    expect((await openError()).reason).toBe('corrupt');
  });

  test('finds damage in the middle of the write-ahead log, where RocksDB would silently end', async () => {
    await fill();
    const wal = join(log, readdirSync(log).find((name) => name.endsWith('.log'))!);
    const bytes = readFileSync(wal);
    const copy = join(dir, 'copy');
    cpSync(log, copy, { recursive: true });
    for (let at = 8; at < bytes.length; at += 61) {
      rmSync(log, { recursive: true });
      cpSync(copy, log, { recursive: true });
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 16;
      writeFileSync(wal, damaged);
      expect((await openError()).reason).toBe('corrupt');
    }
  });

  test('finds a write-ahead log that was cut short behind what was acknowledged', async () => {
    await fill();
    const wal = join(log, readdirSync(log).find((name) => name.endsWith('.log'))!);
    writeFileSync(wal, readFileSync(wal).subarray(0, Math.floor(statSync(wal).size / 2)));
    expect((await openError()).message).toMatch(/synced|committed/);
  });

  test('repairs a torn tail of which nobody was told', async () => {
    const storage = await RocksLogStorage.open(log, identity);
    await write(storage, { entries: range(1, 9, 1), hardState: { term: 1, vote: 2, commit: 5 } });
    // As if the machine had died before the next write was synced: its mark was never written.
    copyFileSync(join(log, 'TAIL'), join(dir, 'TAIL'));
    await write(storage, { entries: range(10, 12, 1) });
    await storage.close();
    copyFileSync(join(dir, 'TAIL'), join(log, 'TAIL'));
    const wal = join(log, readdirSync(log).find((name) => name.endsWith('.log'))!);
    writeFileSync(wal, readFileSync(wal).subarray(0, statSync(wal).size - 5));
    const again = await RocksLogStorage.open(log, identity);
    expect(again.lastIndex()).toBe(9);
    await again.close();
  });

  test('does without a tail mark that cannot be read', async () => {
    await fill();
    writeFileSync(join(log, 'TAIL'), flip(100)(readFileSync(join(log, 'TAIL'))));
    const storage = await RocksLogStorage.open(log, identity);
    expect(storage.lastIndex()).toBe(10);
    await storage.close();
  });

  test('a log that was shortened on purpose is whole', async () => {
    const storage = await RocksLogStorage.open(log, identity);
    await write(storage, { entries: range(1, 9, 1) });
    await write(storage, { entries: range(4, 4, 2) });
    await write(storage, { snapshot: { index: 3, term: 1 } });
    await storage.close();
    const again = await RocksLogStorage.open(log, identity);
    expect([again.firstIndex(), again.lastIndex()]).toEqual([4, 3]);
    await again.close();
  });

  test('refuses a newer format version and another member, in words', async () => {
    await fill();
    const other = await RocksLogStorage.open(log, { clusterId: 'other', memberId: 7 }).catch((error) => error);
    expect(other).toMatchObject({ reason: 'identity', found: identity });
    // {"version":3} under its seal.
    await changeRecord(Buffer.from('v'), () => Buffer.from('b1f806437b2276657273696f6e223a337d', 'hex'));
    const error = await openError();
    expect([error.reason, error.message]).toEqual([
      'format',
      expect.stringContaining('format version 3, this program knows 1 to 2'),
    ]);
  });
});

describe('a log that is in use', () => {
  test('is refused in words, with the cause', async () => {
    const holder = await RocksLogStorage.open(log, identity);
    const error = await openError();
    expect([error.reason, error.message]).toEqual(['in-use', expect.stringContaining('lock hold by current process')]);
    expect(error.cause).toMatchObject({ code: 'LEVEL_LOCKED' });
    await holder.close();
  });

  test('is waited for while its holder may be ending', async () => {
    const holder = await RocksLogStorage.open(log, identity);
    await write(holder, { entries: range(1, 3, 1) });
    const opening = RocksLogStorage.open(log, identity, { inUseTimeoutMs: 60_000 });
    // It has been refused at least once by the time another opening has.
    await openError();
    await holder.close();
    const next = await opening;
    expect(next.lastIndex()).toBe(3);
    await next.close();
  });
});

describe('reading', () => {
  test('verifyPack finds what was damaged while the log is open', async () => {
    const storage = await RocksLogStorage.open(log, identity);
    for (let first = 1; first < 40; first += 3) await write(storage, { entries: range(first, first + 2, 1) });
    for (const first of storage.packs()) expect(await storage.verifyPack(first)).toBeGreaterThan(0);
    const other = new RocksLevel(storage.handle, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
    await other.open();
    const [value] = await other.getMany([entryKey(7)]);
    const batch = other.batch();
    batch._put(entryKey(7), flip(200)(value!));
    batch._writeSync({ sync: true });
    batch.clear();
    await expect(storage.verifyPack(7)).rejects.toMatchObject({
      reason: 'corrupt',
      message: expect.stringContaining('entries from 7 on cannot be read'),
    });
    await other.close();
    await storage.close();
  });
});

describe.each(['v1', 'v2'])('the fixture of %s', (version) => {
  test('is opened, whatever the present format is', async () => {
    cpSync(join(import.meta.dirname, 'fixtures', version), dir, { recursive: true });
    const storage = await RocksLogStorage.open(log, identity);
    expect([storage.firstIndex(), storage.lastIndex()]).toEqual([5, 10]);
    expect(storage.entries(5, 11, 10_000).map(({ index, term, kind }) => [index, term, kind])).toEqual([
      [5, 1, 'command'],
      [6, 1, 'command'],
      [7, 1, 'command'],
      [8, 2, 'empty'],
      [9, 2, 'command'],
      [10, 2, 'command'],
    ]);
    expect(Buffer.from(storage.entries(9, 10, 100)[0]!.command).toString()).toBe('9/2');
    expect(storage.hardState()).toEqual({ term: 2, vote: 7, commit: 8 });
    expect(storage.snapshot()).toMatchObject({ index: 6, term: 1 });
    await write(storage, { entries: range(11, 11, 2) });
    await storage.close();
    const again = await RocksLogStorage.open(log, identity);
    expect([again.firstIndex(), again.lastIndex(), again.term(7), again.term(8)]).toEqual([5, 11, 1, 2]);
    await again.close();
    const chunks: Buffer[] = [];
    for await (const chunk of readSnapshot(snapshotPath(dir, { index: 6, term: 1 }), { index: 6, term: 1 }))
      chunks.push(chunk);
    expect([chunks[0]!.toString(), chunks[1]!.length]).toEqual(['state at 6', 100]);
  });
});

/** A disk of its own of 8 MiB; undefined where this user may not mount. */
function smallDisk(): string | undefined {
  const target = join(dir, 'small');
  mkdirSync(target);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', target], { stdio: 'ignore' });
    return target;
  } catch {
    return undefined;
  }
}

test('a full disk is reported as such, and nothing that was acknowledged is gone afterwards', async (context) => {
  const disk = smallDisk();
  if (!disk) return context.skip('needs root to mount a small tmpfs');
  try {
    const failed = Promise.withResolvers<Error>();
    log = join(disk, 'log');
    const storage = await RocksLogStorage.open(log, identity, { onError: failed.resolve });
    let acknowledged = 0;
    const command = new Uint8Array(1 << 20).fill(7);
    const fillUp = async () => {
      for (let index = 1; ; index++) {
        await write(storage, { entries: [{ ...entry(index, 1), command }] });
        acknowledged = index;
      }
    };
    const error = await Promise.race([failed.promise, fillUp()]);
    expect((error as unknown as { reason: StorageErrorReason }).reason).toBe('no-space');
    expect((error as Error).message).toMatch(/Make room/);
    await storage.close();
    execFileSync('mount', ['-o', 'remount,size=64m', disk]);
    const again = await RocksLogStorage.open(log, identity);
    expect(again.lastIndex()).toBeGreaterThanOrEqual(acknowledged);
    expect(acknowledged).toBeGreaterThan(0);
    await again.close();

    const writer = await SnapshotWriter.create(disk, { index: 1, term: 1 }, 'own');
    const written = (async () => {
      for (;;) await writer.write(command);
    })();
    await expect(written).rejects.toMatchObject({ name: 'StorageError', reason: 'no-space' });
    await writer.abort();
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});
