/** Masters come, go and are replaced while the cluster works. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, waitFor } from './support/cluster.ts';
import { SteadyWriter } from './support/writer.ts';

const cluster = new Cluster();

interface Listed {
  readonly name: string;
  readonly role: string;
}

const list = async (): Promise<Listed[]> => JSON.parse(await cluster.must('member', 'list', '-o', 'json')).members;
const voters = async () => (await list()).filter(({ role }) => role !== 'learner').map(({ name }) => name);
const endpoints = async () => {
  const slice = await cluster.json<{ endpoints: { addresses: string[] }[] }>('get endpointslice kubernetes');
  return slice.endpoints.flatMap(({ addresses }) => addresses).length;
};

beforeAll(async () => {
  await cluster.up('--workers', '0');
});

afterAll(async () => {
  await cluster.destroy();
});

test('three masters become five under writes, and three again', async () => {
  const writer = new SteadyWriter(cluster.kubeconfig, 'default', 'grow', 20);
  await cluster.up('--masters', '5');
  expect(await voters()).toEqual(['master-1', 'master-2', 'master-3', 'master-4', 'master-5']);
  await waitFor('the Service to follow', async () => (await endpoints()) === 5);
  await cluster.must('member', 'remove', 'master-5');
  await cluster.up('--masters', '3');
  expect((await voters()).length).toBe(3);
  await waitFor('the Service to follow', async () => (await endpoints()) === 3);
  const { acknowledged } = await writer.stop();
  const present = new Set((await cluster.kubectl('get configmaps -o name')).split('\n'));
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(acknowledged.filter((name) => !present.has(`configmap/${name}`))).toEqual([]);
});

test('a dead master whose disk is gone is replaced in one step, and its id is not used again', async () => {
  const [dead] = (await list()).filter(({ role }) => role === 'voter');
  await cluster.must('kill', dead!.name);
  rmSync(join(cluster.dir, 'data', dead!.name), { recursive: true });
  await cluster.must('member', 'replace', dead!.name);
  const now = await voters();
  expect(now).not.toContain(dead!.name);
  expect(now).toContain('master-6');
  expect(now).toHaveLength(3);
});

test('a step that would end the cluster is refused with the reason', async () => {
  const masters = await list();
  const [down, other] = masters.filter(({ role }) => role === 'voter');
  await cluster.must('kill', down!.name);
  const refused = await waitFor('the leader to notice', async () => {
    const output = await cluster.trimast('member', 'remove', other!.name);
    return output.code === 1 && output;
  });
  expect(refused.stderr).toMatch(/bring back member/);
  const taken = await cluster.trimast('member', 'add', other!.name);
  expect([taken.code, taken.stderr]).toEqual([2, expect.stringContaining('is taken')]);
  expect(await voters()).toHaveLength(3);
  await cluster.up();
});
