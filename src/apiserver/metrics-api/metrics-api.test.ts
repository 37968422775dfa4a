import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { ManualClock } from '../../lib/clock.ts';
import type { AgentEndpoint } from '../streaming/agent-endpoint.ts';
import { createTestApi, pod } from '../testing/test-api.ts';
import { nodeMetrics, podMetrics } from './convert.ts';
import { MetricsSource } from './metrics-source.ts';

const time = '2026-01-01T00:00:00Z';
const usage = { cpu: { time, usageNanoCores: 5 }, memory: { time, workingSetBytes: 2048 } };

test('usage is said in nanocores and Ki, once there is a rate', () => {
  const node: Node = { metadata: { name: 'n', labels: { zone: 'a' }, uid: 'u' } };
  expect(nodeMetrics(node, usage)).toMatchObject({
    kind: 'NodeMetrics',
    metadata: { name: 'n', labels: { zone: 'a' } },
    timestamp: time,
    usage: { cpu: '5n', memory: '2Ki' },
  });
  expect(nodeMetrics(node, { ...usage, cpu: { time } })).toBeUndefined();
  const podRef = { name: 'p', namespace: 'ns', uid: 'u' };
  const one: Pod = { metadata: { name: 'p', namespace: 'ns' } };
  expect(podMetrics(one, { podRef, containers: [{ name: 'c', ...usage }] })).toMatchObject({
    containers: [{ name: 'c', usage: { cpu: '5n', memory: '2Ki' } }],
  });
  expect(podMetrics(one, { podRef, containers: [{ name: 'c', ...usage, cpu: { time } }] })).toBeUndefined();
});

test('agents are asked once for many questions, and only those whose pods are wanted', async () => {
  const { client } = await createTestApi();
  const asked: string[] = [];
  for (const name of ['n1', 'n2', 'dead']) {
    const node = await client.create<Node>(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
    const status = { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] };
    await client.update<Node>(resources.nodes, { ...node, status }, 'status');
  }
  const made = await client.create<Pod>(resources.pods, pod('a', 'n1'));
  await client.create<Pod>(resources.pods, pod('b', 'dead'));
  const agents = {
    async get({ nodeName }: AgentEndpoint): Promise<IncomingMessage> {
      asked.push(nodeName);
      if (nodeName === 'dead') throw new Error('not reachable');
      const podRef = { name: 'a', namespace: 'default', uid: made.metadata?.uid };
      const body = {
        node: usage,
        pods: nodeName === 'n1' ? [{ podRef, containers: [{ name: 'main', ...usage }] }] : [],
      };
      return Object.assign(new PassThrough().end(JSON.stringify(body)), { headers: {} }) as unknown as IncomingMessage;
    },
  };
  const clock = new ManualClock(0);
  const source = new MetricsSource({ client, agents, clock });
  expect(await source.pods({ namespace: 'default' })).toMatchObject([{ metadata: { name: 'a' } }]);
  expect(asked.sort()).toEqual(['dead', 'n1']);
  const nodes = (await source.nodes({})) as { metadata: { name: string } }[];
  expect(nodes.map(({ metadata }) => metadata.name).sort()).toEqual(['n1', 'n2']);
  expect(asked.sort()).toEqual(['dead', 'n1', 'n2']);
  expect(await source.pods({ namespace: 'default', labelSelector: 'none=such' })).toEqual([]);
});
