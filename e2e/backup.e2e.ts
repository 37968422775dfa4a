/** Backups of a running cluster, by command and on a schedule, to a folder and to S3; restored elsewhere and in place. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestS3Server } from '../src/backup/testing/s3-server.ts';
import { Cluster, waitFor } from './support/cluster.ts';
import { flipBit } from './support/files.ts';

const cluster = new Cluster();
const s3 = new TestS3Server();
const outside = mkdtempSync(join(tmpdir(), 'trimast-e2e-backups-'));

const names = async (of: Cluster): Promise<string[]> =>
  (await of.kubectl('get configmaps -o name')).split('\n').filter((name) => name.includes('kept'));

async function create(...args: string[]): Promise<string> {
  const output = await cluster.must('backup', 'create', ...args);
  return /^Backup (\S+)$/m.exec(output)![1]!;
}

/** Of a list, as its clients see it. */
async function revisionOf(of: Cluster): Promise<number> {
  const list = JSON.parse(await of.kubectl('get --raw /api/v1/namespaces/default/configmaps'));
  return Number(list.metadata.resourceVersion);
}

beforeAll(async () => {
  await s3.listen();
  await cluster.up('--workers', '0', '--backup-schedule', '5s', '--backup-keep', '2');
  await cluster.kubectl('create configmap kept-1');
});

afterAll(async () => {
  await cluster.destroy();
  await s3.close();
  rmSync(outside, { recursive: true, force: true });
});

test('a backup has every acknowledged write; one flipped bit is found and named', async () => {
  await cluster.kubectl('create configmap kept-2');
  const file = join(outside, await create('--to', outside));
  expect(await cluster.must('backup', 'verify', file)).toContain('is whole');
  const list = JSON.parse(await cluster.must('backup', 'list', '--to', outside, '-o', 'json'));
  expect(list.backups).toHaveLength(1);

  const restored = new Cluster();
  try {
    await restored.must('backup', 'restore', file, '--workers', '0', '--masters', '3');
    await restored.up();
    expect(await names(restored)).toEqual(['configmap/kept-1', 'configmap/kept-2']);
    // Revisions go on far behind what any client of the first cluster may have seen, and the new cluster works.
    const before = await revisionOf(cluster);
    const after = await revisionOf(restored);
    expect(after).toBeGreaterThan(before + 1e8);
    await restored.kubectl('create configmap kept-3');
  } finally {
    await restored.destroy();
  }

  flipBit(file);
  const damaged = await cluster.trimast('backup', 'verify', file);
  expect([damaged.code, damaged.stderr]).toEqual([1, expect.stringContaining('chunk 0 fails its checksum')]);
});

test('a restore in place is refused while masters run, and moves data aside', async () => {
  const file = join(outside, await create('--to', outside, '--compression', 'gzip'));
  await cluster.kubectl('create configmap kept-too-late');
  const refused = await cluster.trimast('backup', 'restore', file);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('still run')]);
  await cluster.must('down');
  const full = await cluster.trimast('backup', 'restore', file);
  expect([full.code, full.stderr]).toEqual([1, expect.stringContaining('--replace')]);
  await cluster.must('backup', 'restore', file, '--replace');
  await cluster.up();
  expect(await names(cluster)).toEqual(['configmap/kept-1', 'configmap/kept-2']);
});

test('S3-compatible storage takes and gives backups', async () => {
  Object.assign(process.env, s3.environment);
  const name = await create('--to', 's3://bucket/some/where');
  expect([...s3.objects.keys()]).toEqual([`bucket/some/where/${name}`]);
  expect(await cluster.must('backup', 'verify', `s3://bucket/some/where/${name}`)).toContain('is whole');
  process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
  const refused = await cluster.trimast('backup', 'create', '--to', 's3://bucket/some/where');
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('SignatureDoesNotMatch')]);
});

test('the leader makes them on its own, keeps as many as it is told, also after it was killed', async () => {
  const scheduled = async (): Promise<string[]> => {
    const { backups } = JSON.parse(await cluster.must('backup', 'list', '-o', 'json')) as {
      backups: { name: string }[];
    };
    return backups.map(({ name }) => name);
  };
  const first = await waitFor('a first backup', async () => (await scheduled())[0], 60_000);
  await cluster.must('kill', 'leader');
  await waitFor(
    'newer ones, and the first to go',
    async () => {
      const all = await scheduled();
      return all.length === 2 && !all.includes(first) && all;
    },
    120_000,
  );
  // Nobody removes one while it is read.
  await cluster.must('stop', 'all-masters');
  const left = await scheduled();
  expect(left.length).toBeGreaterThan(1);
  for (const name of left) await cluster.must('backup', 'verify', join(cluster.dir, 'backups', name));
  await cluster.up();
});
