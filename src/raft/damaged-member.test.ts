/** What the server is told of a disk that cannot be trusted: the reason survives the way through two threads. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { storageErrorReason } from './log-storage.ts';
import { TestCluster } from './test-cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.create(1);
});
afterEach(() => cluster.close());

test('a member whose write-ahead log is damaged does not start, and says why', async () => {
  const { node } = await cluster.start(1);
  for (const text of ['a', 'b', 'c']) await node.propose(Buffer.from(text));
  await cluster.stop(1);
  const log = join(cluster.dir, 'm1', 'log');
  const wal = join(log, readdirSync(log).find((name) => name.endsWith('.log'))!);
  const bytes = readFileSync(wal);
  bytes[Math.floor(bytes.length / 2)]! ^= 8;
  writeFileSync(wal, bytes);
  const error = await cluster.start(1).catch((found: unknown) => found);
  expect(storageErrorReason(error)).toBe('corrupt');
  expect((error as Error).message).toContain(log);
});

test('a member whose disk is full ends with that reason', async (context) => {
  const disk = join(cluster.dir, 'm1');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    return context.skip('needs root to mount a small tmpfs');
  }
  try {
    const { node } = await cluster.start(1);
    const command = Buffer.alloc(1 << 20, 7);
    while (cluster.fatal.length === 0) await node.propose(command).catch(() => undefined);
    expect(cluster.fatal.map(storageErrorReason)).toEqual(['no-space']);
    await cluster.stop(1);
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});
