import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { hollowMachine } from './node/machine.ts';
import { type NodeAgent, startNodeAgent } from './node-agent.ts';
import { Delays } from './runtime/hollow/delays.ts';
import { createHollowRuntime } from './runtime/hollow/hollow-runtime.ts';
import type { Runtime } from './runtime/runtime.ts';
import { FakeDispatcher } from './testing/fake-dispatcher.ts';
import { FakeRuntime } from './testing/fake-runtime.ts';
import { testPod } from './testing/pods.ts';
import { createNoStorage } from './volumes/no-storage.ts';

const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' }, spec: { podCIDR: '10.9.0.0/24' } };
let folder: string;
let master: FakeDispatcher;
const agents: NodeAgent[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-test-'));
  master = new FakeDispatcher();
  await master.start();
  master.set(node);
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  master.stop();
  await rm(folder, { recursive: true });
});

async function start(runtime: Runtime, more: Partial<Parameters<typeof startNodeAgent>[0]> = {}): Promise<NodeAgent> {
  const agent = await startNodeAgent({
    identity: { name: 'node-1', address: '192.0.2.1', port: 10250, labels: {}, machine: hollowMachine('node-1') },
    masters: [master.address],
    credentials: grpc.credentials.createInsecure(),
    runtime,
    storage: createNoStorage(),
    facts: {
      seccompDir: '',
      clusterDns: [],
      clusterDomain: 'cluster.local',
      hostDns: { servers: [], searches: [], options: [] },
    },
    clock: systemClock,
    logger: silentLogger,
    ...more,
  });
  agents.push(agent);
  return agent;
}

function hollow() {
  const runtime = createHollowRuntime(systemClock, new Delays(systemClock));
  return start(runtime, { onPodCidr: (podCidr) => runtime.setPodCidr(podCidr) });
}

const phase = (name: string) => master.podStatus(name)?.phase;

describe('a hollow node', () => {
  it('becomes ready once it has a range, runs pods with addresses of it, and lets them go', async () => {
    const agent = await hollow();
    const ready = (status: unknown) => JSON.stringify(status).includes('"type":"Ready","status":"True"');
    await master.until(() => master.updates.some(({ name, object }) => name === 'node-1' && ready(object)));
    const pods = [1, 2, 3].map((i) => testPod({}, { name: `p${i}`, uid: `u${i}` }));
    master.set(...pods);
    await master.until(() => pods.every(({ metadata }) => phase(metadata.name) === 'Running'));
    const ips = pods.map(({ metadata }) => master.podStatus(metadata.name)?.podIP);
    expect(new Set(ips).size).toBe(3);
    expect(ips.every((ip) => String(ip).startsWith('10.9.0.'))).toBe(true);
    expect(agent.lookup.findContainer('default', 'p1')).toMatchObject({ container: 'app', state: 'running' });
    const deletion = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 };
    master.set({ ...pods[0]!, metadata: { ...pods[0]!.metadata, ...deletion } });
    await master.until(() => master.isGone('p1'));
    expect(master.podStatus('p1')).toMatchObject({ containerStatuses: [{ state: { terminated: { exitCode: 143 } } }] });
  });
});

it('sees an exit that the runtime reports before it shows it', async () => {
  const runtime = new FakeRuntime(Date.now);
  await start(runtime);
  master.set(testPod({ restartPolicy: 'Never' }));
  await master.until(() => phase('web') === 'Running');
  const before = runtime.listings;
  const show = runtime.exitLate('app', 0);
  while (runtime.listings === before) await new Promise((resolve) => setImmediate(resolve));
  show();
  await master.until(() => phase('web') === 'Succeeded');
}, 5_000);

describe('a restarted agent', () => {
  it('keeps its pods without any master, and stops what is not wanted once a master has said so', async () => {
    const runtime = new FakeRuntime(Date.now);
    const wantedFile = join(folder, 'wanted.json');
    const [kept, dropped] = ['kept', 'dropped'].map((name) => testPod({}, { name, uid: name }));
    master.set(kept!, dropped!);
    const first = await start(runtime, { wantedFile });
    await master.until(() => phase('kept') === 'Running' && phase('dropped') === 'Running');
    const { address } = master;
    master.stop();
    await first.stop();
    agents.length = 0;
    const calls = runtime.calls.length;
    const second = await start(runtime, { wantedFile });
    const running = () => second.lookup.findContainer('default', 'kept')?.state === 'running';
    while (!running()) await new Promise((resolve) => setImmediate(resolve));
    expect(runtime.calls.slice(calls).filter((call) => call !== 'status')).toEqual([]);

    master = new FakeDispatcher();
    master.set(node, kept!);
    await master.start(address);
    await master.until(() => phase('kept') === 'Running');
    while (runtime.sandboxes.size > 1) await new Promise((resolve) => setImmediate(resolve));
    expect(runtime.calls.slice(calls).filter((call) => call.includes('kept') || call.startsWith('run'))).toEqual([]);
    expect([...runtime.containers.values()].map(({ podUid, state }) => [podUid, state])).toEqual([['kept', 'running']]);
  });

  it('removes pods of which only the runtime knows', async () => {
    const runtime = new FakeRuntime(Date.now);
    const pod = { namespace: 'default', name: 'stray', uid: 'stray' };
    runtime.sandboxes.set('s', { id: 's', pod, attempt: 0, ready: true, createdAtMs: 0 });
    await start(runtime);
    while (runtime.sandboxes.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(master.podStatus('stray')).toBeUndefined();
  });
});
