/**
 * The service proxy of one node, from its view of the cluster to the kernel: `node bench/services.ts [services] [endpoints of each]` (5,000 and 10).
 * Runs in a network namespace of its own (`unshare --net`), so it needs root and nftables. Prints how long the first state takes and how long one
 * endpoint's change takes until the kernel has it, beside what an empty table costs: that is the program `nft` itself.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Service } from '../src/api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../src/api/generated/types/discovery-v1.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/logger.ts';
import { createNftCommand, Nftables } from '../src/network/nftables/index.ts';
import { ServiceProxy } from '../src/network/services/index.ts';
import { NetworkView, type ToldObject } from '../src/network/view.ts';

const changesMeasured = 200;
const protocols = ['TCP', 'UDP', 'SCTP'];

if (process.env.TRIMAST_BENCH_INSIDE === undefined) {
  const { status } = spawnSync('unshare', ['--net', process.execPath, import.meta.filename, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, TRIMAST_BENCH_INSIDE: '1' },
  });
  process.exit(status ?? 1);
}

const services = Number(process.argv[2] ?? 5_000);
const endpoints = Number(process.argv[3] ?? 10);

function service(number: number): ToldObject {
  const name = `s${number}`;
  const object: Service = {
    metadata: { namespace: 'bench', name, resourceVersion: '1' },
    spec: {
      type: 'ClusterIP',
      clusterIP: `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`,
      ports: [{ port: 80, protocol: protocols[number % 3]! }],
    },
  };
  return { resource: 'services', key: `bench/${name}`, object };
}

function slice(number: number, count: number, resourceVersion: number): ToldObject {
  const object: EndpointSlice = {
    metadata: {
      namespace: 'bench',
      name: `s${number}-1`,
      resourceVersion: String(resourceVersion),
      labels: { 'kubernetes.io/service-name': `s${number}` },
    },
    addressType: 'IPv4',
    ports: [{ port: 8080, protocol: protocols[number % 3]! }],
    endpoints: Array.from({ length: count }, (_, i) => {
      const address = number * endpoints * 2 + i;
      return {
        addresses: [`10.${128 + ((address >> 16) & 63)}.${(address >> 8) & 255}.${address & 255}`],
        conditions: { ready: true },
        nodeName: `n${i}`,
      };
    }),
  };
  return { resource: 'endpointslices', key: `bench/s${number}-1`, object };
}

const folder = mkdtempSync(join(tmpdir(), 'trimast-bench-'));
const command = await createNftCommand(folder);
let refused = 0;
const counted = {
  ...command,
  apply: (script: string) =>
    command.apply(script).catch((error: unknown) => {
      refused++;
      console.error(String(error));
      throw error;
    }),
};
const nftables = new Nftables({ command: counted, clock: systemClock, logger: silentLogger });
const view = new NetworkView();
const proxy = new ServiceProxy({ nodeName: 'n0', view, nftables, logger: silentLogger, forget: async () => undefined });

async function timed(work: () => void): Promise<number> {
  const beganMs = performance.now();
  work();
  await new Promise((resolve) => setImmediate(resolve));
  await proxy.settled();
  return performance.now() - beganMs;
}

function quantile(sorted: readonly number[], share: number): string {
  return `${sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1)} ms`;
}

const all = Array.from({ length: services }, (_, i) => i);
const told = all.flatMap((number) => [service(number), slice(number, endpoints, 1)]);
view.begin(true);
const firstMs = await timed(() => view.apply(told, 1n));
console.log(
  `${services} Services, ${services * endpoints} endpoints: first state in the kernel after ${firstMs.toFixed(0)} ms`,
);
nftables.start();
await new Promise((resolve) => setTimeout(resolve, 3_000));

const times: number[] = [];
for (let i = 0; i < changesMeasured; i++) {
  const number = (i * 7_919) % services;
  const revision = i + 2;
  const count = endpoints + (i % 2 === 0 ? -1 : 1);
  times.push(await timed(() => view.apply([slice(number, count, revision)], BigInt(revision))));
}
times.sort((a, b) => a - b);
console.log(
  `one endpoint's change to the kernel: p50 ${quantile(times, 0.5)}, p99 ${quantile(times, 0.99)}, worst ${quantile(times, 1)}`,
);

const empty: number[] = [];
for (let i = 0; i < 20; i++) {
  const beganMs = performance.now();
  await command.apply(`add table ip empty${i}\n`);
  empty.push(performance.now() - beganMs);
}
empty.sort((a, b) => a - b);
console.log(`an empty table for comparison: p50 ${quantile(empty, 0.5)}`);
proxy.stop();
nftables.stop();
rmSync(folder, { recursive: true });
if (refused > 0) {
  console.error(`${refused} changes were refused by nft`);
  process.exit(1);
}
process.exit(0);
