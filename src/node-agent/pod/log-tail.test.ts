import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logTail } from './log-tail.ts';

let folder: string;
const at = '2026-01-02T03:04:05.123456789Z';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'log-tail-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function tailOf(...lines: string[]): Promise<string> {
  const path = join(folder, '0.log');
  await writeFile(path, lines.map((line) => `${at} ${line}\n`).join(''));
  return logTail(path);
}

describe('logTail', () => {
  it('ends without a line feed when the output did', async () => {
    expect(await tailOf('stdout P DONE')).toBe('DONE');
  });

  it('keeps the line feeds of full lines, and joins the parts of a long one', async () => {
    expect(await tailOf('stdout F a b', 'stderr F ', 'stdout P long ', 'stdout F line')).toBe('a b\n\nlong line\n');
  });

  it('is at most 80 lines and 2048 bytes', async () => {
    const lines = Array.from({ length: 100 }, (_, i) => `stdout F ${i}`);
    const tail = (await tailOf(...lines)).trimEnd().split('\n');
    expect([tail.length, tail[0], tail.at(-1)]).toEqual([80, '20', '99']);
    expect((await tailOf(`stdout F ${'x'.repeat(5_000)}`)).length).toBe(2048);
  });

  it('is empty without a log', async () => {
    expect(await logTail(join(folder, 'none.log'))).toBe('');
  });
});
