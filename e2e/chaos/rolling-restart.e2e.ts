/** All masters are restarted, one after the other, while clients work: no call of a client with the usual retry fails. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConfigMap } from '../../src/api/generated/types/core-v1.ts';
import { resources } from '../../src/api/types.ts';
import { Cluster, waitFor } from '../support/cluster.ts';
import { connect, longestGapMs } from '../support/writer.ts';
import { RetryingWriter } from './support/retrying-writer.ts';

const cluster = new Cluster();
const settleWrites = 50;

beforeAll(() => cluster.up('--workers', '0', '--hollow', '1'));
afterAll(() => cluster.destroy());

test('restart all-masters under load: 0 failed client calls, everything acknowledged is there', async () => {
  const before = (await cluster.status()).members.filter((member) => member.kind === 'master');
  const writer = new RetryingWriter(cluster.kubeconfig, 'default', 'rolling', 60);
  const client = connect(cluster.kubeconfig);
  try {
    const { acknowledged, acknowledgedAtMs } = writer.history;
    await waitFor('the first writes', async () => acknowledged.length > settleWrites);
    const output = await cluster.must('restart', 'all-masters');
    const last = output.trim().split('\n').at(-1)!;
    expect(last.split(' ')[0], 'the leader is the last').toBe(before.find((member) => member.leader)!.name);
    const mark = acknowledged.length;
    await waitFor('writes after the restart', async () => acknowledged.length > mark + settleWrites);
    const history = await writer.stop();
    console.log(
      `rolling restart: ${history.acknowledged.length} writes, ${history.retries} retries, longest gap ${Math.round(longestGapMs(acknowledgedAtMs))} ms`,
    );
    expect(history.failures).toEqual([]);
    const { items } = await client.list<ConfigMap>(resources.configMaps, { namespace: 'default' });
    const present = new Set(items.map((item) => item.metadata?.name));
    expect(history.acknowledged.filter((name) => !present.has(name))).toEqual([]);
    const after = (await cluster.status()).members.filter((member) => member.kind === 'master');
    for (const [index, master] of after.entries()) expect(master.pid).not.toBe(before[index]!.pid);
  } finally {
    await writer.stop();
    client.close();
  }
});
