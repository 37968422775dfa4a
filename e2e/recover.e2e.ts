/** Two of three masters and their disks are gone for good. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from './support/cluster.ts';

const cluster = new Cluster();
const data = (master: string) => join(cluster.dir, 'data', master);
const saved = join(cluster.dir, 'old-disk');

/** Of a list, as its clients see it. */
async function revisionOf(of: Cluster): Promise<number> {
  const list = JSON.parse(await of.kubectl('get --raw /api/v1/namespaces/default/configmaps'));
  return Number(list.metadata.resourceVersion);
}

beforeAll(async () => {
  await cluster.up('--workers', '0');
  await cluster.kubectl('create configmap kept');
});

afterAll(async () => {
  rmSync(saved, { recursive: true, force: true });
  await cluster.destroy();
});

test('recovery is refused while a quorum lives, or could', async () => {
  const living = await cluster.trimast('recover', '--yes');
  expect([living.code, living.stderr]).toEqual([1, expect.stringContaining('a quorum lives')]);
  await cluster.must('kill', 'all-masters');
  const disks = await cluster.trimast('recover', '--yes');
  expect([disks.code, disks.stderr]).toEqual([1, expect.stringContaining('start them with "trimast up"')]);
  await cluster.up();
});

test('from the last disk that is left: the data is there, revisions go on far ahead, a dry run changes nothing', async () => {
  const before = await revisionOf(cluster);
  await cluster.must('kill', 'master-2');
  await cluster.must('kill', 'master-3');
  cpSync(data('master-2'), saved, { recursive: true });
  rmSync(data('master-2'), { recursive: true });
  rmSync(data('master-3'), { recursive: true });

  const dry = await cluster.must('recover', '--dry-run');
  expect(dry).toContain('master-1 is the most advanced');
  expect(dry).toContain('are lost');
  const unasked = await cluster.trimast('recover');
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('--yes')]);

  await cluster.must('recover', '--yes');
  expect(await cluster.kubectl('get configmap kept -o name')).toBe('configmap/kept\n');
  const after = await revisionOf(cluster);
  expect(after).toBeGreaterThan(before + 1e8);
  await cluster.kubectl('create configmap after');
  const masters = (await cluster.status()).members.filter((member) => member.kind === 'master');
  expect(masters.map((master) => master.state)).toEqual(['running', 'running', 'running']);
});

test('the disk of an old master that turns up again is refused with what to do', async () => {
  await cluster.must('kill', 'master-2');
  rmSync(data('master-2'), { recursive: true });
  cpSync(saved, data('master-2'), { recursive: true });
  const refused = await cluster.trimast('start', 'master-2');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('is of epoch 1, but the cluster was recovered or restored since and is in epoch 2');
  // What it says to do: move the folder away. The master is rebuilt from the others.
  rmSync(data('master-2'), { recursive: true });
  await cluster.up();
  expect(await cluster.kubectl('get configmap after -o name')).toBe('configmap/after\n');
});
