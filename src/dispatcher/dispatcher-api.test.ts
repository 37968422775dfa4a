/** The dispatcher over the real API and the real store: authorization, admission, conflicts and deletion are as in production. */
import { Server } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { Lease } from '../api/generated/types/coordination-v1.ts';
import type { Event, Node, Pod } from '../api/generated/types/core-v1.ts';
import { isReason } from '../api/status.ts';
import { resources } from '../api/types.ts';
import { createTestApi, namespace, pod } from '../apiserver/testing/test-api.ts';
import type { UserInfo } from '../apiserver/types.ts';
import { StatusUpdate_Kind as Kind } from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { serverCredentials, type TlsFiles } from '../lib/grpc.ts';
import { silentLogger } from '../lib/logger.ts';
import { createDispatcher } from './index.ts';
import { TestAgent } from './testing/test-agent.ts';
import { createTestPki, type TestPki } from './testing/test-pki.ts';

type Api = Awaited<ReturnType<typeof createTestApi>>;

let pki: TestPki;
let masterTls: TlsFiles;
let nodeTls: TlsFiles;
let api: Api;
/** Names of the objects that nodes updated. */
let updates: string[];
const cleanups: (() => void)[] = [];

beforeAll(async () => {
  pki = await createTestPki();
  masterTls = await pki.issue('trimast:master:m1', ['trimast:masters', 'system:masters']);
  nodeTls = await pki.issue('system:node:n1', ['system:nodes']);
});
afterAll(() => pki.remove());
beforeEach(async () => {
  api = await createTestApi();
  updates = [];
  await api.client.create(resources.namespaces, namespace('kube-node-lease'));
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function master(): Promise<string> {
  const { client } = api;
  const clientFor = (user: UserInfo) => {
    const own = api.clientFor(user);
    const update: typeof own.update = (resource, object, subresource) => {
      updates.push(object.metadata?.name ?? '');
      return own.update(resource, object, subresource);
    };
    return new Proxy(own, {
      get: (target, name) => (name === 'update' ? update : Reflect.get(target, name).bind(target)),
    });
  };
  const dispatcher = createDispatcher({
    issueToken: async ({ name }, { serviceAccount }) => ({
      token: `${name} for ${serviceAccount}`,
      expiresAtMs: 1_000,
    }),
    masterName: 'm1',
    systemClient: client,
    clientFor,
    logger: silentLogger,
  });
  const server = new Server();
  dispatcher.addTo(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', serverCredentials(masterTls), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  cleanups.push(() => {
    dispatcher.close();
    server.forceShutdown();
  });
  return `127.0.0.1:${port}`;
}

async function session(address: string, resumeRevision = 0): Promise<TestAgent> {
  const agent = new TestAgent(address, nodeTls);
  cleanups.push(() => agent.close());
  const node: Node = {
    metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'n1' } },
    status: {
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      capacity: { cpu: '2', memory: '1Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date().toISOString() }],
    },
  };
  return agent.hello({ node, resumeRevision }).synced();
}

const key = { namespace: 'default', name: 'a' };
const current = () => api.client.get<Pod>(resources.pods, key);

async function bound(agent: TestAgent): Promise<Pod> {
  await api.client.create(resources.pods, pod('a'));
  await api.client.bind(key, 'n1');
  await agent.until(() => agent.objects.has('pods/default/a'));
  return agent.objects.get('pods/default/a') as Pod;
}

it('a node registers, gets a pod, reports it running, and removes it when it was deleted and has stopped', async () => {
  const agent = await session(await master());
  const node = await api.client.get<Node>(resources.nodes, { name: 'n1' });
  expect(node.status).toMatchObject({ capacity: { cpu: '2' }, conditions: [{ type: 'Ready', status: 'True' }] });

  const { metadata } = await bound(agent);
  expect(metadata!.resourceVersion).toBe((await current()).metadata!.resourceVersion);
  const update = { ...key, uid: metadata!.uid! };
  const running = { phase: 'Running', podIP: '10.1.0.5', podIPs: [{ ip: '10.1.0.5' }] };
  expect((await agent.report({ kind: Kind.POD_STATUS, ...update, object: running })).refusals).toEqual([]);
  expect((await current()).status).toMatchObject({ phase: 'Running', podIP: '10.1.0.5' });

  await api.client.delete(resources.pods, key);
  await agent.until(() => agent.objects.get('pods/default/a')?.metadata?.deletionTimestamp !== undefined);
  expect((await agent.report({ kind: Kind.POD_GONE, ...update })).refusals).toEqual([]);
  await agent.until(() => !agent.objects.has('pods/default/a'));
  await expect(current()).rejects.toSatisfy((error) => isReason(error, 'NotFound'));
});

it('a status as agents send it, once stored, says nothing new when it comes again', async () => {
  const address = await master();
  const agent = await session(address);
  const { metadata } = await bound(agent);
  const time = '2026-01-01T00:00:00Z';
  const condition = { lastProbeTime: null, lastTransitionTime: time, observedGeneration: 1 };
  const object = {
    observedGeneration: 1,
    phase: 'Running',
    conditions: [
      { ...condition, type: 'Ready', status: 'True' },
      { ...condition, type: 'ContainersReady', status: 'True' },
    ],
    hostIP: '10.0.0.1',
    hostIPs: [{ ip: '10.0.0.1' }],
    podIP: '10.1.0.5',
    podIPs: [{ ip: '10.1.0.5' }],
    startTime: time,
    containerStatuses: [
      {
        name: 'main',
        state: { running: { startedAt: time } },
        lastState: {},
        ready: true,
        restartCount: 0,
        image: 'i',
        imageID: 'sha256:1',
        containerID: 'containerd://1',
        started: true,
      },
    ],
    qosClass: 'BestEffort',
  };
  const update = { ...key, uid: metadata!.uid!, kind: Kind.POD_STATUS, object };
  expect((await agent.report(update)).refusals).toEqual([]);
  await agent.until(() => (agent.objects.get('pods/default/a') as Pod).status?.phase === 'Running');
  expect(updates).toContain('a');
  updates.length = 0;
  const next = await session(address);
  expect((await next.report(update)).refusals).toEqual([]);
  expect(updates).not.toContain('a');
});

it('statuses are written only while the log takes them, and not acknowledged before', async () => {
  const agent = await session(await master());
  const { metadata } = await bound(agent);
  api.proposer.setFailure('no-leader');
  const update = { ...key, uid: metadata!.uid!, kind: Kind.POD_STATUS, object: { phase: 'Running' } };
  const report = agent.report(update);
  await vi.waitFor(() => expect(api.proposer.failedCalls).toBeGreaterThan(1), { interval: 5 });
  expect(agent.acks).toEqual([]);
  api.proposer.setFailure(undefined);
  expect((await report).refusals).toEqual([]);
  expect((await current()).status!.phase).toBe('Running');
});

it('events and the Lease are written, and a second session without news does not write the Node again', async () => {
  const address = await master();
  const first = await session(address);
  const event = {
    metadata: { name: 'e', namespace: 'default' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'a' },
    reason: 'Pulled',
    message: 'm',
    type: 'Normal',
    source: { component: 'agent', host: 'n1' },
  };
  expect((await first.report({ kind: Kind.EVENT, object: event })).refusals).toEqual([]);
  expect((await first.report({ kind: Kind.EVENT, object: { ...event, count: 2 } })).refusals).toEqual([]);
  expect((await api.client.get<Event>(resources.events, { namespace: 'default', name: 'e' })).count).toBe(2);
  const leaseKey = { namespace: 'kube-node-lease', name: 'n1' };
  const lease = await vi.waitFor(() => api.client.get<Lease>(resources.leases, leaseKey), { interval: 5 });
  expect(lease.spec!.holderIdentity).toBe('n1');
  const before = await api.client.get<Node>(resources.nodes, { name: 'n1' });
  await session(address);
  const after = await api.client.get<Node>(resources.nodes, { name: 'n1' });
  expect(after.metadata!.resourceVersion).toBe(before.metadata!.resourceVersion);
});
