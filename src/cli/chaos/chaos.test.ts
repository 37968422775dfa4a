import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseDuration } from '../commands/chaos.ts';
import { encodeFaults, writeFaults } from './faults-file.ts';

test('the control file has the bytes that the library reads', () => {
  expect(encodeFaults({ clockOffsetMs: 0, disk: undefined })).toEqual(Buffer.alloc(24));
  const moved = encodeFaults({ clockOffsetMs: -1_000, disk: { type: 'full' } });
  expect([moved.readBigInt64LE(0), moved.readInt32LE(8), moved.readInt32LE(12)]).toEqual([-1_000_000_000n, 28, 0]);
  const failing = encodeFaults({ clockOffsetMs: 0, disk: { type: 'error' } });
  expect([failing.readInt32LE(8), failing.readInt32LE(12)]).toEqual([5, 5]);
  const slow = encodeFaults({ clockOffsetMs: 0, disk: { type: 'slow', syncMs: 20 } });
  expect([slow.readInt32LE(8), slow.readInt32LE(12), slow.readInt32LE(16)]).toEqual([0, 0, 20_000]);
});

test('the file is changed in place: whoever has it mapped sees it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trimast-faults-'));
  try {
    const file = join(folder, 'sub/master-1.faults');
    writeFaults(file, { clockOffsetMs: 5, disk: undefined });
    writeFaults(file, { clockOffsetMs: 0, disk: { type: 'error' } });
    expect(readFileSync(file)).toEqual(encodeFaults({ clockOffsetMs: 0, disk: { type: 'error' } }));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('durations', () => {
  expect(parseDuration('--every', '500ms')).toBe(500);
  expect(parseDuration('--duration', '1.5m')).toBe(90_000);
  expect(parseDuration('--duration', '1h')).toBe(3_600_000);
  expect(() => parseDuration('--duration', '10')).toThrow('--duration 10: expected a duration such as 90s, 10m or 1h');
});
