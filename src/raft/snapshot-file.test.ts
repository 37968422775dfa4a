import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  readSnapshot,
  removeOtherSnapshots,
  removeUnknownSnapshots,
  SnapshotWriter,
  snapshotPath,
} from './snapshot-file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-snapshot-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const meta = { index: 7, term: 2 };

async function write(snapshot = meta): Promise<string> {
  const writer = await SnapshotWriter.create(dir, snapshot, 'test');
  await writer.write(Buffer.from('first'));
  await writer.write(Buffer.from('second'));
  return await writer.finish();
}

const readAll = async (path: string) => (await Array.fromAsync(readSnapshot(path, meta))).map(String);

test('readSnapshot gives the chunks that were written', async () => {
  expect(await readAll(await write())).toEqual(['first', 'second']);
  expect(readdirSync(dir)).toEqual(['snapshot-7-2']);
});

test('damage anywhere is found', async () => {
  const path = await write();
  const intact = readFileSync(path);
  for (let position = 0; position < intact.length; position++) {
    const damaged = Buffer.from(intact);
    damaged[position]! ^= 0x10;
    writeFileSync(path, damaged);
    await expect(readAll(path)).rejects.toThrow(/snapshot/);
  }
  writeFileSync(path, intact.subarray(0, intact.length - 8));
  await expect(readAll(path)).rejects.toThrow(/cut short/);
});

test('an unfinished snapshot is removed at start, a finished one that the log knows stays', async () => {
  await write();
  await SnapshotWriter.create(dir, { index: 9, term: 2 }, 'test').then((writer) => writer.write(Buffer.from('x')));
  await write({ index: 8, term: 2 });
  await removeUnknownSnapshots(dir, meta);
  expect(readdirSync(dir)).toEqual(['snapshot-7-2']);
});

test('only older snapshots are removed after a new one', async () => {
  for (const index of [5, 7, 9]) await write({ index, term: 2 });
  await removeOtherSnapshots(dir, meta);
  expect(readdirSync(dir).sort()).toEqual(['snapshot-7-2', 'snapshot-9-2']);
  expect(snapshotPath(dir, meta)).toBe(join(dir, 'snapshot-7-2'));
});
