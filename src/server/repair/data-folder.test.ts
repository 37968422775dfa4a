import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { discardContent, endRebuild, hasLog, readRebuild, writeRebuild } from './data-folder.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-folder-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('content goes aside, identity and marker stay, the two newest are kept', () => {
  writeFileSync(join(dir, 'identity.key'), 'key');
  const rebuild = { phase: 'discard', reason: 'because', since: 'now' } as const;
  writeRebuild(dir, rebuild);
  for (const second of [1, 2, 3]) {
    mkdirSync(join(dir, 'log'));
    writeFileSync(join(dir, 'log/CURRENT'), '');
    writeFileSync(join(dir, `snapshot-${second}-1`), '');
    expect(hasLog(dir)).toBe(true);
    discardContent(dir, new Date(second * 1000));
    expect(hasLog(dir)).toBe(false);
  }
  expect(readdirSync(dir).sort()).toEqual([
    'REBUILD',
    'corrupt-19700101T000002000Z',
    'corrupt-19700101T000003000Z',
    'identity.key',
  ]);
  expect(readdirSync(join(dir, 'corrupt-19700101T000003000Z')).sort()).toEqual(['log', 'snapshot-3-1']);
  expect(readRebuild(dir)).toEqual(rebuild);
  endRebuild(dir);
  expect(readRebuild(dir)).toBeUndefined();
});
