import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SnapshotWriter } from './snapshot-file.ts';
import { SnapshotPart } from './snapshot-part.ts';

const meta = { index: 7, term: 2 };
let dir: string;
let sent: Buffer;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-part-'));
  const writer = await SnapshotWriter.create(dir, meta, 'test');
  for (let chunk = 0; chunk < 8; chunk++) await writer.write(Buffer.alloc(1_000, chunk));
  const path = await writer.finish();
  sent = readFileSync(path);
  rmSync(path);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function bring(from: number, to: number): Promise<SnapshotPart> {
  const part = await SnapshotPart.open(dir, meta);
  expect(part.bytes).toBe(from);
  await part.write(sent.subarray(from, to));
  return part;
}

test('attempts go on where those before have ended, and the last one makes a snapshot of it', async () => {
  await (await bring(0, 3_000)).close();
  await (await bring(3_000, 5_000)).close();
  await (await bring(5_000, sent.length)).finish(sent.length, crc32(sent));
  expect(readdirSync(dir)).toEqual(['snapshot-7-2']);
  expect(readFileSync(join(dir, 'snapshot-7-2')).equals(sent)).toBe(true);
});

test('bytes of two senders that do not fit together are thrown away', async () => {
  await (await bring(0, 3_000)).close();
  const other = Buffer.from(sent);
  other[100]! ^= 1;
  const part = await bring(3_000, sent.length);
  await expect(part.finish(sent.length, crc32(other))).rejects.toThrow('the next attempt begins anew');
  expect(readdirSync(dir)).toEqual([]);
});

test('parts of other snapshots go, also those that an older version has left', async () => {
  for (const name of ['snapshot-5-1.part', 'snapshot-7-2.from-3.part']) writeFileSync(join(dir, name), 'x');
  await (await bring(0, 10)).close();
  expect(readdirSync(dir)).toEqual(['snapshot-7-2.part']);
});
