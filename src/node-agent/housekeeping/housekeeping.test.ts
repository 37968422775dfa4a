import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RuntimeImage } from '../runtime/runtime.ts';
import { bytesOver, imagesToRemove } from './image-collection.ts';
import { rotateLog } from './log-rotation.ts';

const image = (id: string, more: Partial<RuntimeImage> = {}): RuntimeImage => ({
  id,
  tags: [`registry/${id}:1`],
  digests: [],
  sizeBytes: 10,
  pinned: false,
  ...more,
});

describe('imagesToRemove', () => {
  const input = {
    images: [image('old'), image('older'), image('used'), image('new'), image('pause', { pinned: true })],
    used: new Set(['registry/used:1']),
    lastUsedMs: new Map([
      ['old', 200],
      ['older', 100],
      ['used', 0],
      ['new', 950],
    ]),
    nowMs: 1_000,
    bytesToFree: 1_000,
    minAgeMs: 100,
  };
  const names = (more: Partial<typeof input>) => imagesToRemove({ ...input, ...more }).map(({ id }) => id);

  it('takes what nobody uses, the longest unused first, and no more than needed', () => {
    expect(names({})).toEqual(['older', 'old']);
    expect(names({ bytesToFree: 5 })).toEqual(['older']);
  });

  it('leaves images that were made on this node', () => {
    expect(names({ images: [image('mine', { tags: ['trimast.local/mine:1'] })], lastUsedMs: new Map() })).toEqual([]);
  });

  it('begins above one threshold and goes down to another', () => {
    expect(bytesOver({ capacityBytes: 100, availableBytes: 16 }, 85, 80)).toBe(0);
    expect(bytesOver({ capacityBytes: 100, availableBytes: 15 }, 85, 80)).toBe(5);
  });
});

describe('rotateLog', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotation-test-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });
  const limits = { maxBytes: 10, maxFiles: 3 };
  const rotate = (nowMs: number, reopen = async () => writeFile(join(folder, '0.log'), '')) =>
    rotateLog(join(folder, '0.log'), limits, nowMs, reopen);

  it('leaves a small log, and one that is not there', async () => {
    expect(await rotate(0)).toBe(false);
    await writeFile(join(folder, '0.log'), 'small');
    expect(await rotate(0)).toBe(false);
  });

  it('keeps so many files, the older ones compressed', async () => {
    for (let i = 1; i <= 4; i++) {
      await writeFile(join(folder, '0.log'), `run ${i} ..........`);
      await writeFile(join(folder, '1.log'), 'of the next attempt');
      expect(await rotate(i * 1_000)).toBe(true);
    }
    const names = (await readdir(folder)).sort();
    expect(names).toEqual(['0.log', '0.log.19700101-000003000.gz', '0.log.19700101-000004000', '1.log']);
    expect(await readFile(join(folder, '0.log.19700101-000004000'), 'utf8')).toContain('run 4');
    expect(gunzipSync(await readFile(join(folder, '0.log.19700101-000003000.gz'))).toString()).toContain('run 3');
  });

  it('gives the log its name back when the runtime does not go on in a new one', async () => {
    await writeFile(join(folder, '0.log'), 'a long line of output');
    await expect(
      rotate(0, async () => {
        throw new Error('down');
      }),
    ).rejects.toThrow('down');
    expect(await readdir(folder)).toEqual(['0.log']);
  });
});
