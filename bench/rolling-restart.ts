/**
 * What clients notice when every master is restarted, one after the other: `./trimast bench rolling-restart [ROUNDS] [CALLS-PER-SECOND]` (default 3 and 200).
 * Half of the calls write, half read, through the load balancer, with the usual retry. The gap is the longest time between two acknowledged writes.
 */
import { RetryingWriter } from '../e2e/chaos/support/retrying-writer.ts';
import { Cluster, waitFor } from '../e2e/support/cluster.ts';
import { longestGapMs } from '../e2e/support/writer.ts';

const rounds = Number(process.argv[2] ?? 3);
const callsPerSecond = Number(process.argv[3] ?? 200);
const settleWrites = 200;

const cluster = new Cluster();
try {
  await cluster.up('--workers', '0', '--hollow', '1');
  const writer = new RetryingWriter(cluster.kubeconfig, 'default', 'rolling', callsPerSecond);
  const { acknowledged, acknowledgedAtMs, failures } = writer.history;
  const writes = (count: number) => waitFor('writes', async () => acknowledged.length >= count, 60_000);
  await writes(settleWrites);
  const gaps: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const from = acknowledged.length - 1;
    await cluster.must('restart', 'all-masters');
    await writes(acknowledged.length + settleWrites);
    gaps.push(longestGapMs(acknowledgedAtMs.slice(from)));
    console.log(`round ${round}: longest gap ${Math.round(gaps.at(-1)!)} ms`);
  }
  const history = await writer.stop();
  console.log(
    `${history.acknowledged.length} acknowledged writes, ${history.retries} retries, ${failures.length} failed calls; ` +
      `longest gap ${Math.round(Math.max(...gaps))} ms over ${rounds} rolling restarts`,
  );
  for (const failure of failures.slice(0, 5)) console.log(failure);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  await cluster.destroy();
}
