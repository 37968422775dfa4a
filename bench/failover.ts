/**
 * How long clients wait when the leader is killed: `./trimast bench failover [KILLS]` (default 20).
 * A client creates 100 ConfigMaps a second through the load balancer, open loop; the leader gets SIGKILL; the gap is the longest time between two
 * acknowledgements around the kill. Every acknowledged object must be there at the end.
 */

import { Cluster, waitFor } from '../e2e/support/cluster.ts';
import { connect, longestGapMs, SteadyWriter } from '../e2e/support/writer.ts';
import type { ConfigMap } from '../src/api/generated/types/core-v1.ts';
import { resources } from '../src/api/types.ts';

const kills = Number(process.argv[2] ?? 20);
const writesPerSecond = 100;
const settleWrites = 200;

const cluster = new Cluster();
try {
  await cluster.up('--hollow', '0', '--workers', '1');
  const writer = new SteadyWriter(cluster.kubeconfig, 'default', 'failover', writesPerSecond);
  const times = writer.history.acknowledgedAtMs;
  const writes = (count: number) => waitFor('writes', async () => times.length >= count);
  await writes(settleWrites);
  const gaps: number[] = [];
  for (let kill = 1; kill <= kills; kill++) {
    const from = times.length - 1;
    await cluster.must('kill', 'leader');
    await writes(from + settleWrites);
    gaps.push(longestGapMs(times.slice(from)));
    console.log(`kill ${kill}: ${Math.round(gaps.at(-1)!)} ms`);
    await cluster.up();
    await writes(times.length + settleWrites);
  }
  const history = await writer.stop();
  const client = connect(cluster.kubeconfig);
  const { items } = await client.list<ConfigMap>(resources.configMaps, { namespace: 'default' });
  client.close();
  const present = new Set(items.map((item) => item.metadata?.name));
  const lost = history.acknowledged.filter((name) => !present.has(name));
  const sorted = [...gaps].sort((a, b) => a - b);
  console.log(
    `gap: median ${Math.round(sorted[Math.floor(sorted.length / 2)]!)} ms, max ${Math.round(sorted.at(-1)!)} ms over ${kills} kills`,
  );
  console.log(
    `writes: ${history.acknowledged.length} acknowledged, ${lost.length} of them lost, ${history.failures.length} failed`,
  );
  process.exitCode = lost.length === 0 ? 0 : 1;
} finally {
  await cluster.destroy();
}
