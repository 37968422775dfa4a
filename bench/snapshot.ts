/**
 * A large state goes to a new member while writes go on: `./trimast bench snapshot [MIB] [WRITES-PER-SECOND]` (default 1024 and 200). Fills the store
 * with ConfigMaps of 16 KiB, measures the latency of small writes undisturbed, then while a fourth master joins and takes the snapshot, and
 * compares the p99s. Below about 128 MiB the new member gets the log instead.
 */
import { Cluster } from '../e2e/support/cluster.ts';
import { connect } from '../e2e/support/writer.ts';
import type { ConfigMap } from '../src/api/generated/types/core-v1.ts';
import { ApiError } from '../src/api/status.ts';
import { resources } from '../src/api/types.ts';
import type { HttpClient } from '../src/client/http-client.ts';

const mib = Number(process.argv[2] ?? 1024);
const writesPerSecond = Number(process.argv[3] ?? 200);
const valueBytes = 16 << 10;
const fillersInFlight = 64;
const fillTries = 20;
const undisturbedMs = 20_000;
const bar = 2;

const configMap = (name: string, value: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name },
  data: { value },
});

async function fill(client: HttpClient): Promise<void> {
  const count = Math.ceil((mib << 20) / valueBytes);
  const value = 'x'.repeat(valueBytes);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const object = configMap(`fill-${next++}`, value);
      for (let tries = 0; ; tries++) {
        try {
          await client.create(resources.configMaps, object);
          break;
        } catch (error) {
          // What was written before a connection broke is there.
          if (error instanceof ApiError && error.reason === 'AlreadyExists') break;
          if (tries === fillTries) throw error;
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
      }
    }
  };
  await Promise.all(Array.from({ length: fillersInFlight }, worker));
}

/** Open loop: a slow answer does not slow the next request. Milliseconds of each, until `end` settles. */
async function measure(client: HttpClient, prefix: string, end: Promise<unknown>): Promise<number[]> {
  const latencies: number[] = [];
  const pending: Promise<void>[] = [];
  let failures = 0;
  let next = 0;
  const startedMs = performance.now();
  const timer = setInterval(() => {
    for (const due = ((performance.now() - startedMs) * writesPerSecond) / 1000; next < due; next++) {
      const sentMs = performance.now();
      const write = client.create(resources.configMaps, configMap(`${prefix}-${next}`, 'x')).then(
        () => void latencies.push(performance.now() - sentMs),
        () => void failures++,
      );
      pending.push(write);
    }
  }, 5);
  await end;
  clearInterval(timer);
  await Promise.all(pending);
  if (failures > 0) console.log(`${prefix}: ${failures} of ${next} writes failed`);
  return latencies.sort((a, b) => a - b);
}

function report(name: string, sorted: readonly number[]): number {
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  const [median, p99, max] = [at(0.5), at(0.99), at(1)].map((ms) => Math.round(ms * 10) / 10);
  console.log(`${name}: ${sorted.length} writes, median ${median} ms, p99 ${p99} ms, max ${max} ms`);
  return at(0.99);
}

const cluster = new Cluster();
try {
  await cluster.up('--workers', '0');
  const client = connect(cluster.kubeconfig);
  const fillStartedMs = performance.now();
  await fill(client);
  console.log(`${mib} MiB written in ${((performance.now() - fillStartedMs) / 1000).toFixed(1)} s`);
  const pause = new Promise((resolve) => setTimeout(resolve, undisturbedMs));
  const before = report('undisturbed', await measure(client, 'before', pause));
  const joinStartedMs = performance.now();
  const joined = cluster.must('member', 'add');
  const during = report('while a member joins', await measure(client, 'during', joined));
  console.log(`the new member votes after ${((performance.now() - joinStartedMs) / 1000).toFixed(1)} s`);
  const ratio = during / before;
  console.log(`p99 ${ratio.toFixed(2)} × the undisturbed one (bar: ${bar} ×): ${ratio <= bar ? 'reached' : 'MISSED'}`);
  client.close();
} finally {
  await cluster.destroy();
}
