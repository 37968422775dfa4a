import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openBackup, verifyBackup } from './decode.ts';
import { encodeBackup } from './encode.ts';
import { backupName, type Compression, type Manifest, parseBackupName, type Trailer } from './format.ts';
import { openBackupSource, openTarget } from './open-target.ts';
import { surplusBackups } from './retention.ts';
import { nextDueMs, parseSchedule } from './schedule.ts';

const manifest = (compression: Compression = 'zstd', changes: Partial<Manifest> = {}): Manifest => ({
  format: 1,
  clusterId: 'c1',
  epoch: 1,
  revision: 42,
  appliedIndex: 50,
  takenAt: '2026-01-02T03:04:05.678Z',
  version: '0',
  compression,
  ...changes,
});

async function* pieces(...all: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all;
}

async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

const chunks = [randomBytes(1000), Buffer.alloc(100_000, 7), randomBytes(1)];

describe('format', () => {
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    test(`what was written is read, ${compression}, in pieces of any size`, async () => {
      let trailer: Trailer | undefined;
      const file = await bytesOf(encodeBackup(manifest(compression), pieces(...chunks), (end) => (trailer = end)));
      for (const size of [1, 999, file.length]) {
        const parts = Array.from({ length: Math.ceil(file.length / size) }, (_, at) =>
          file.subarray(at * size, (at + 1) * size),
        );
        const opened = await openBackup('file', pieces(...parts));
        expect(opened.manifest).toEqual(manifest(compression));
        expect(await bytesOf(opened.chunks())).toEqual(Buffer.concat(chunks));
      }
      expect((await verifyBackup('file', pieces(file))).trailer).toEqual(trailer);
    });
  }

  test('one flipped bit anywhere, a missing end and an appended byte are found', async () => {
    const file = await bytesOf(encodeBackup(manifest(), pieces(...chunks)));
    const isRefused = async (bytes: Buffer) =>
      verifyBackup('file', pieces(bytes)).then(
        () => false,
        (error: Error) => error.name === 'BackupError' && error.message.includes('file'),
      );
    const passed: number[] = [];
    for (let at = 0; at < file.length; at++) {
      const flipped = Buffer.from(file);
      flipped[at]! ^= 1 << (at % 8);
      if (!(await isRefused(flipped))) passed.push(at);
    }
    expect(passed).toEqual([]);
    for (const length of [0, 7, 100, file.length - 1])
      expect(await isRefused(file.subarray(0, length)), `cut to ${length}`).toBe(true);
    expect(await isRefused(Buffer.concat([file, Buffer.alloc(1)]))).toBe(true);
  });

  test('a name says cluster, revision and time', () => {
    const name = backupName(manifest());
    expect(name).toBe('trimast-c1-r42-20260102T030405Z.backup');
    expect(parseBackupName(name)).toEqual({ name, clusterId: 'c1', revision: 42, takenAt: '2026-01-02T03:04:05Z' });
    expect(parseBackupName('notes.backup')).toBeUndefined();
  });
});

describe('a folder', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'trimast-backup-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('writes files for the owner only, lists and reads them; a source that fails leaves nothing', async () => {
    const target = openTarget(join(dir, 'deep/er'));
    expect(await target.list()).toEqual([]);
    await target.write('a.backup', pieces(...chunks));
    async function* broken() {
      yield chunks[0]!;
      throw new Error('the stream broke');
    }
    await expect(target.write('b.backup', broken())).rejects.toThrow('the stream broke');
    expect(readdirSync(join(dir, 'deep/er'))).toEqual(['a.backup']);
    expect(statSync(join(dir, 'deep/er/a.backup')).mode & 0o077).toBe(0);
    expect(await bytesOf(await target.read('a.backup'))).toEqual(Buffer.concat(chunks));
    await target.remove('a.backup');
    await target.remove('a.backup');
    await expect(target.read('a.backup')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('a folder that is a file is told', async () => {
    writeFileSync(join(dir, 'file'), '');
    await expect(openTarget(join(dir, 'file')).write('a.backup', pieces())).rejects.toMatchObject({
      code: 'unavailable',
    });
    await expect(openBackupSource(join(dir, 'none.backup'))).rejects.toMatchObject({ code: 'not-found' });
  });
});

test('retention keeps the newest of this cluster and leaves other files alone', () => {
  const named = (clusterId: string, day: number, revision = day) => ({
    name: backupName(manifest('none', { clusterId, revision, takenAt: `2026-01-0${day}T00:00:00.000Z` })),
    bytes: 1,
  });
  const stored = [named('c1', 3), named('c1', 1), named('c2', 1), named('c1', 2), { name: 'x.backup', bytes: 1 }];
  expect(surplusBackups(stored, 'c1', 2)).toEqual([named('c1', 1).name]);
  expect(surplusBackups(stored, 'c1', 5)).toEqual([]);
});

describe('schedule', () => {
  const at = (iso: string) => Date.parse(iso);
  const next = (text: string, last: string | undefined, now: string) =>
    new Date(nextDueMs(parseSchedule(text), last === undefined ? undefined : at(last), at(now))).toISOString();

  test('an interval counts from the last one; the first is due at once, a missed one too', () => {
    expect(next('every 6h', undefined, '2026-01-01T00:00:00Z')).toBe('2026-01-01T00:00:00.000Z');
    expect(next('6h', '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z')).toBe('2026-01-01T06:00:00.000Z');
    expect(next('6h', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z')).toBe('2026-01-02T00:00:00.000Z');
  });

  test('cron fields in UTC', () => {
    const now = '2026-01-01T00:00:00Z';
    expect(next('30 3 * * *', undefined, now)).toBe('2026-01-01T03:30:00.000Z');
    expect(next('*/15 * * * *', undefined, '2026-01-01T00:15:00Z')).toBe('2026-01-01T00:30:00.000Z');
    expect(next('0 0 29 2 *', undefined, now)).toBe('2028-02-29T00:00:00.000Z');
    expect(next('0 4 * * 0', undefined, now)).toBe('2026-01-04T04:00:00.000Z');
    expect(next('0 4 * * 7', undefined, now)).toBe('2026-01-04T04:00:00.000Z');
    // Both days given: either is enough.
    expect(next('0 0 15 * 5', undefined, now)).toBe('2026-01-02T00:00:00.000Z');
    expect(next('0 3 * * *', '2026-01-01T03:00:00Z', '2026-01-05T12:00:00Z')).toBe('2026-01-02T03:00:00.000Z');
  });

  test('nonsense is refused with the reason', () => {
    for (const text of ['', '1s', '* * * *', '60 * * * *', '5-1 * * * *', '*/0 * * * *', 'x * * * *'])
      expect(() => parseSchedule(text), text).toThrow('backup schedule');
  });
});
