import { status as Code, Server } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Lease } from '../api/generated/types/coordination-v1.ts';
import type { Event, Node, Pod, PodSpec } from '../api/generated/types/core-v1.ts';
import { ApiError } from '../api/status.ts';
import { resources } from '../api/types.ts';
import type { UserInfo } from '../apiserver/types.ts';
import { FakeApiClient } from '../client/testing/fake-api-client.ts';
import { DispatcherService, StatusUpdate_Kind as Kind } from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { systemClock } from '../lib/clock.ts';
import { clientCredentials, GrpcClient, serverCredentials, type TlsFiles } from '../lib/grpc.ts';
import { silentLogger } from '../lib/logger.ts';
import { createDispatcher, createLastSeenPeer, type Dispatcher, type LastSeenPeer } from './index.ts';
import { heardWithinMs, maxChunkBytes, maxChunkChanges } from './limits.ts';
import { TestAgent } from './testing/test-agent.ts';
import { createTestPki, type TestPki } from './testing/test-pki.ts';

let pki: TestPki;
let masterTls: TlsFiles;
let nodeTls: TlsFiles;
let api: FakeApiClient;
let users: UserInfo[];
/** How far the masters' monotonic clocks have been moved on. */
let skewMs: number;
const cleanups: (() => void)[] = [];

beforeAll(async () => {
  pki = await createTestPki();
  masterTls = await pki.issue('trimast:master:m1', ['trimast:masters', 'system:masters']);
  nodeTls = await pki.issue('system:node:n1', ['system:nodes']);
});
afterAll(() => pki.remove());

beforeEach(() => {
  api = new FakeApiClient();
  users = [];
  skewMs = 0;
  api.seed(resources.nodes, node('other', '10.0.0.9'));
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function master(options: { name?: string; tls?: TlsFiles; peers?: LastSeenPeer[] } = {}) {
  const { name = 'm1', tls = masterTls, peers = [] } = options;
  const dispatcher = createDispatcher({
    issueToken: async ({ name }, { serviceAccount }) => ({
      token: `${name} for ${serviceAccount}`,
      expiresAtMs: 1_000,
    }),
    masterName: name,
    systemClient: api,
    clientFor: (user) => {
      users.push(user);
      return api;
    },
    peers: () => peers,
    logger: silentLogger,
    clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skewMs },
  });
  const server = new Server();
  dispatcher.addTo(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', serverCredentials(tls), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  cleanups.push(() => {
    dispatcher.close();
    server.forceShutdown();
  });
  return { dispatcher, address: `127.0.0.1:${port}` };
}

function connect(address: string, tls = nodeTls): TestAgent {
  const agent = new TestAgent(address, tls);
  cleanups.push(() => agent.close());
  return agent;
}

function node(name: string, address: string): Node {
  return {
    metadata: { name, labels: { zone: 'a' } },
    spec: {
      podCIDR: '10.1.0.0/24',
      podCIDRs: ['10.1.0.0/24'],
      taints: [{ key: 'secret-taint', effect: 'NoSchedule' }],
    },
    status: { addresses: [{ type: 'InternalIP', address }], capacity: { cpu: '2' } },
  };
}

function pod(name: string, nodeName: string | undefined, spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'main', image: 'i' }], ...(nodeName && { nodeName }), ...spec },
    status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] },
  };
}

const secretVolume = (secretName: string): Partial<PodSpec> => ({ volumes: [{ name: 'v', secret: { secretName } }] });
const secret = (name: string) => ({ metadata: { name, namespace: 'default' }, data: {} });
const key = (name: string) => ({ namespace: 'default', name });
const uidOf = (name: string) => api.find<Pod>(resources.pods, key(name))!.metadata!.uid!;
const podNames = (agent: TestAgent) => [...agent.objects.keys()].filter((item) => item.startsWith('pods/')).sort();

describe('who may call', () => {
  it('a session is refused to anybody but a node', async () => {
    const { address } = await master();
    for (const [commonName, organization] of [
      ['kubernetes-admin', 'system:masters'],
      ['system:node:n1', 'system:masters'],
      ['system:node:', 'system:nodes'],
    ] as const) {
      const agent = connect(address, await pki.issue(commonName, [organization])).hello();
      expect(await agent.failure(), commonName).toMatchObject({ code: Code.PERMISSION_DENIED });
    }
  });

  it('a node that says it is another is refused', async () => {
    const { address } = await master();
    const agent = connect(address).hello({ node: { metadata: { name: 'other' } } });
    expect(await agent.failure()).toMatchObject({ code: Code.PERMISSION_DENIED });
    expect(api.find<Node>(resources.nodes, { name: 'other' })!.metadata!.labels).toEqual({ zone: 'a' });
  });

  it('a master whose certificate is for another address is not believed', async () => {
    const tls = await pki.issue('trimast:master:m2', ['trimast:masters'], '127.0.0.2');
    const agent = connect((await master({ tls })).address).hello();
    expect(await agent.failure()).toMatchObject({
      code: Code.UNAVAILABLE,
      details: expect.stringContaining('127.0.0.2'),
    });
  });

  it('whom a master has heard is told to masters only', async () => {
    const { address } = await master();
    const client = new GrpcClient(DispatcherService, address, clientCredentials(nodeTls));
    cleanups.push(() => client.close());
    const asked = client.unary(DispatcherService.method.lastSeen, { nodes: ['n1'] });
    await expect(asked).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });
});

describe('Hello', () => {
  it('creates the Node as its own user, with labels and status', async () => {
    const { address } = await master();
    const agent = connect(address).hello({ node: node('n1', '10.0.0.1') });
    await agent.synced();
    expect(users).toMatchObject([{ name: 'system:node:n1', groups: expect.arrayContaining(['system:nodes']) }]);
    expect(api.find<Node>(resources.nodes, { name: 'n1' })).toMatchObject({
      metadata: { labels: { zone: 'a' } },
      status: { capacity: { cpu: '2' } },
    });
    expect(agent.welcome).toMatchObject({ master: 'm1', full: true });
  });

  it('leaves the spec, labels and conditions of others alone on a Node that exists', async () => {
    api.seed<Node>(resources.nodes, {
      metadata: { name: 'n1', labels: { zone: 'old', team: 'x' } },
      spec: { podCIDR: '10.7.0.0/24', unschedulable: true },
      status: {
        conditions: [
          { type: 'NetworkUnavailable', status: 'False' },
          { type: 'Ready', status: 'Unknown' },
        ],
      },
    });
    const { address } = await master();
    const reported = { ...node('n1', '10.0.0.1'), status: { conditions: [{ type: 'Ready', status: 'True' }] } };
    await connect(address).hello({ node: reported }).synced();
    expect(api.find<Node>(resources.nodes, { name: 'n1' })).toMatchObject({
      metadata: { labels: { zone: 'a', team: 'x' } },
      spec: { podCIDR: '10.7.0.0/24', unschedulable: true },
      status: {
        conditions: [
          { type: 'NetworkUnavailable', status: 'False' },
          { type: 'Ready', status: 'True' },
        ],
      },
    });
  });

  it('waits while the API cannot write, and fails with what the API refuses for good', async () => {
    const { address } = await master();
    let failures = 2;
    api.intercept = (call) => {
      if (call.verb === 'create' && failures-- > 0) throw new ApiError('ServiceUnavailable', 'no leader');
    };
    await connect(address).hello().synced();
    api.intercept = (call) => {
      if (call.verb === 'update') throw new ApiError('Forbidden', 'no such label');
    };
    const refused = connect(address).hello({ node: { status: { phase: 'x' } } });
    expect(await refused.failure()).toMatchObject({ code: Code.PERMISSION_DENIED, details: 'no such label' });
  });

  it('of a second session of the node ends the first', async () => {
    const { address, dispatcher } = await master();
    const first = await connect(address).hello({ incarnation: 'a' }).synced();
    const second = await connect(address).hello({ incarnation: 'b' }).synced();
    expect(await first.failure()).toMatchObject({ code: Code.ABORTED });
    expect(second.error).toBeUndefined();
    expect(dispatcher.connectedNodes()).toEqual(['n1']);
  });
});

describe('assignments', () => {
  it('are the pods of the node, what they refer to, and where the other nodes are', async () => {
    api.seed(resources.pods, pod('mine', 'n1', secretVolume('s1')));
    api.seed(resources.pods, pod('theirs', 'other', secretVolume('s2')));
    api.seed(resources.pods, pod('nobodys', undefined));
    for (const name of ['s1', 's2', 's3']) api.seed(resources.secrets, secret(name));
    const { address } = await master();
    const agent = await connect(address)
      .hello({ node: node('n1', '10.0.0.1') })
      .synced();
    await agent.until(() => agent.objects.has('nodes//n1'));
    expect([...agent.objects.keys()].sort()).toEqual([
      'nodes//n1',
      'nodes//other',
      'pods/default/mine',
      'secrets/default/s1',
    ]);
    expect(agent.changes.indexOf('SET secrets/default/s1')).toBeLessThan(
      agent.changes.indexOf('SET pods/default/mine'),
    );
    expect(agent.objects.get('nodes//other')).toMatchObject({
      spec: { podCIDR: '10.1.0.0/24' },
      status: { addresses: [{ address: '10.0.0.9' }] },
    });
    expect(JSON.stringify(agent.objects.get('nodes//other'))).not.toMatch(/secret-taint|capacity/);
    expect(agent.objects.get('pods/default/mine')!.metadata!.resourceVersion).toBeDefined();
  });

  it('follow what happens: bound, changed, referenced by two, gone', async () => {
    api.seed(resources.secrets, secret('s1'));
    const { address } = await master();
    const agent = await connect(address).hello().synced();
    api.seed(resources.pods, pod('a', undefined, secretVolume('s1')));
    await api.bind(key('a'), 'n1');
    await agent.until(() => agent.objects.has('pods/default/a') && agent.objects.has('secrets/default/s1'));
    api.seed(resources.pods, pod('b', 'n1', secretVolume('s1')));
    await agent.until(() => agent.objects.has('pods/default/b'));
    api.change(resources.secrets, key('s1'), (object) => Object.assign(object, { data: { changed: 'eA==' } }));
    await agent.until(() => 'changed' in (agent.objects.get('secrets/default/s1') as { data: object }).data);
    api.remove(resources.pods, key('a'));
    await agent.until(() => !agent.objects.has('pods/default/a'));
    expect(agent.objects.has('secrets/default/s1')).toBe(true);
    api.remove(resources.pods, key('b'));
    await agent.until(() => !agent.objects.has('secrets/default/s1'));
    expect(podNames(agent)).toEqual([]);
  });

  it('come in chunks that stay within their limits, the revision only with the last', async () => {
    const big = 'x'.repeat(maxChunkBytes / 4);
    for (let i = 0; i < 230; i++) api.seed(resources.pods, pod(`small-${i}`, 'n1'));
    for (let i = 0; i < 6; i++)
      api.seed(resources.pods, pod(`big-${i}`, 'n1', { containers: [{ name: 'c', image: 'i', command: [big] }] }));
    const { address } = await master();
    const agent = await connect(address).hello().synced();
    expect(podNames(agent).length).toBe(236);
    const end = agent.chunks.findIndex((chunk) => chunk.revision > 0);
    expect(end).toBeGreaterThanOrEqual(3);
    for (const chunk of agent.chunks) {
      expect(chunk.changes).toBeLessThanOrEqual(maxChunkChanges);
      expect(chunk.bytes).toBeLessThanOrEqual(maxChunkBytes);
    }
  });

  it('are not sent because of things that do not concern the node', async () => {
    const { address } = await master();
    const agent = await connect(address).hello().synced();
    const before = agent.changes.length;
    api.seed(resources.secrets, secret('unused'));
    api.seed(resources.pods, pod('elsewhere', 'other', secretVolume('unused')));
    api.change<Node>(resources.nodes, { name: 'other' }, (other) => {
      other.status!.conditions = [{ type: 'Ready', status: 'True' }];
    });
    api.seed(resources.pods, pod('mine', 'n1'));
    await agent.until(() => agent.objects.has('pods/default/mine'));
    expect(agent.changes.slice(before).filter((change) => !change.endsWith('nodes//n1'))).toEqual([
      'SET pods/default/mine',
    ]);
  });
});

describe('resuming', () => {
  it('at another master brings only what changed since, and what went', async () => {
    for (const name of ['kept', 'changed', 'removed']) api.seed(resources.pods, pod(name, 'n1', secretVolume('s')));
    api.seed(resources.secrets, secret('s'));
    api.seed(resources.configMaps, { metadata: { name: 'c', namespace: 'default' } });
    const one = await master({ name: 'm1' });
    const two = await master({ name: 'm2' });
    const first = await connect(one.address).hello().synced();
    // Every resource moves on, so that the first master's agents are up to date with something later than the second's first list.
    await connect(two.address, await pki.issue('system:node:n2', ['system:nodes']))
      .hello()
      .synced();
    for (const resource of [resources.secrets, resources.configMaps, resources.pods, resources.nodes])
      api.seed(resource, { metadata: { name: 'later', namespace: 'elsewhere' } });
    api.seed(resources.pods, pod('last', 'n1'));
    await first.until(() => first.objects.has('pods/default/last'));
    const { revision } = first;
    first.close();

    api.change<Pod>(resources.pods, key('changed'), (object) =>
      Object.assign(object.metadata!, { labels: { a: 'b' } }),
    );
    api.remove(resources.pods, key('removed'));
    const again = await connect(two.address).hello({ resumeRevision: revision }).synced();
    expect(again.welcome).toMatchObject({ master: 'm2', full: false });
    expect(again.changes).toEqual(expect.arrayContaining(['SET pods/default/changed', 'REMOVE pods/default/removed']));
    expect(again.changes).not.toContain('SET pods/default/kept');
    expect(again.changes).not.toContain('SET secrets/default/s');
  });

  it('is possible although quiet resources hold the revision back', async () => {
    api.seed(resources.pods, pod('kept', 'n1'));
    api.seed(resources.nodes, node('n1', '10.0.0.1'));
    const one = await master({ name: 'm1' });
    const two = await master({ name: 'm2' });
    // Writes the Node's status: that watch moves on, the others do not.
    const first = await connect(one.address)
      .hello({ node: node('n1', '10.0.0.2') })
      .synced();
    const { revision } = first;
    await connect(two.address).hello().synced();
    api.seed(resources.pods, pod('new', 'n1'));
    await first.until(() => first.objects.has('pods/default/new'));
    expect(first.revision).toBe(revision);
    const again = await connect(two.address).hello({ resumeRevision: revision }).synced();
    expect(again.welcome!.full).toBe(false);
    expect(again.changes).toContain('SET pods/default/new');
    expect(again.changes).not.toContain('SET pods/default/kept');
  });

  it('from before this master began gets the full set', async () => {
    api.seed(resources.pods, pod('a', 'n1'));
    api.seed(resources.pods, pod('b', 'n1'));
    const { address } = await master();
    const agent = await connect(address).hello({ resumeRevision: 1 }).synced();
    expect(agent.welcome!.full).toBe(true);
    expect(podNames(agent)).toEqual(['pods/default/a', 'pods/default/b']);
  });

  it('after a watch had to begin anew gets the full set, for what went meanwhile cannot be told', async () => {
    api.seed(resources.pods, pod('a', 'n1'));
    const { address } = await master();
    const first = await connect(address).hello().synced();
    const { revision } = first;
    api.holdWatches(resources.pods);
    api.remove(resources.pods, key('a'));
    api.seed(resources.pods, pod('b', 'n1'));
    api.compact();
    api.releaseWatches();
    await first.until(() => podNames(first).join() === 'pods/default/b');
    const again = await connect(address).hello({ resumeRevision: revision }).synced();
    expect(again.welcome!.full).toBe(true);
    expect(podNames(again)).toEqual(['pods/default/b']);
  });

  it('waits until the master knows of every pod that was committed', async () => {
    const { address } = await master();
    await connect(address).hello().synced();
    api.holdWatches(resources.pods);
    api.seed(resources.pods, pod('running-already', 'n1'));
    const agent = connect(address).hello();
    while (api.calls.filter((call) => call.verb === 'list').length <= 5) await api.idle(1);
    await api.idle();
    expect(agent.welcome).toBeUndefined();
    api.releaseWatches();
    await agent.synced();
    expect(podNames(agent)).toEqual(['pods/default/running-already']);
  });
});

describe('statuses', () => {
  async function session(...names: string[]): Promise<TestAgent> {
    for (const name of names) api.seed(resources.pods, pod(name, 'n1'));
    const { address } = await master();
    return connect(address).hello().synced();
  }
  const running = (name: string, uid = uidOf(name)) => ({
    kind: Kind.POD_STATUS,
    ...key(name),
    uid,
    object: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });

  it('of pods are merged into what others wrote', async () => {
    const agent = await session('a');
    expect((await agent.report(running('a'))).refusals).toEqual([]);
    expect(api.find<Pod>(resources.pods, key('a'))!.status).toEqual({
      phase: 'Running',
      conditions: [
        { type: 'PodScheduled', status: 'True' },
        { type: 'Ready', status: 'True' },
      ],
    });
  });

  it('survive a concurrent change by reading again', async () => {
    const agent = await session('a');
    api.holdWatches(resources.pods);
    api.change<Pod>(resources.pods, key('a'), (object) => {
      object.status!.conditions!.push({ type: 'gate', status: 'True' });
    });
    expect((await agent.report(running('a'))).refusals).toEqual([]);
    const { status } = api.find<Pod>(resources.pods, key('a'))!;
    expect(status!.phase).toBe('Running');
    expect(status!.conditions!.map((condition) => condition.type)).toEqual(['PodScheduled', 'gate', 'Ready']);
  });

  it('are issued together and acknowledged after the last of them is written', async () => {
    const agent = await session('a', 'b', 'c');
    let waiting = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    api.intercept = async (call) => {
      if (call.verb !== 'update' || call.resource.resource !== 'pods') return;
      if (++waiting === 3) release();
      await released;
    };
    const ack = await agent.report(running('a'), running('b'), running('c'));
    expect(ack.refusals).toEqual([]);
    for (const name of ['a', 'b', 'c']) expect(api.find<Pod>(resources.pods, key(name))!.status!.phase).toBe('Running');
  });

  it.each(['Timeout', 'ServiceUnavailable', 'ServerTimeout', 'TooManyRequests', 'InternalError'] as const)(
    'that fail for now (%s) are tried again before the acknowledgement',
    async (reason) => {
      const agent = await session('a');
      let failures = 2;
      api.intercept = (call) => {
        if (call.verb === 'update' && call.subresource === 'status' && failures-- > 0) throw new ApiError(reason, 'no');
      };
      expect((await agent.report(running('a'))).refusals).toEqual([]);
      expect(api.find<Pod>(resources.pods, key('a'))!.status!.phase).toBe('Running');
    },
  );

  it('that cannot be written are refused one by one, and the rest is written', async () => {
    const agent = await session('a');
    api.seed(resources.pods, pod('theirs', 'other'));
    const ack = await agent.report(
      running('gone', 'some-uid'),
      running('a', 'uid of an earlier a'),
      running('theirs'),
      { kind: Kind.POD_STATUS, ...key('a'), uid: uidOf('a'), object: [] as object },
      { kind: 99 as Kind },
      running('a'),
    );
    expect(ack.refusals.map(({ index, reason }) => [index, reason])).toEqual([
      [0, 'NotFound'],
      [1, 'Conflict'],
      [2, 'Forbidden'],
      [3, 'BadRequest'],
      [4, 'BadRequest'],
    ]);
    expect(api.find<Pod>(resources.pods, key('theirs'))!.status!.phase).toBe('Pending');
    expect(api.find<Pod>(resources.pods, key('a'))!.status!.phase).toBe('Running');
  });

  it('of one pod are written in the order in which they came', async () => {
    const agent = await session('a');
    const phase = (name: string) => ({ kind: Kind.POD_STATUS, ...key('a'), uid: uidOf('a'), object: { phase: name } });
    await Promise.all([
      agent.report(phase('Running')),
      agent.report(phase('Unknown')),
      agent.report(phase('Succeeded')),
    ]);
    expect(api.find<Pod>(resources.pods, key('a'))!.status!.phase).toBe('Succeeded');
    expect(agent.acks.map((ack) => ack.sequence)).toEqual([1n, 2n, 3n]);
  });

  it('that say nothing new are acknowledged and not written', async () => {
    const agent = await session('a', 'b');
    await agent.report(running('a'));
    await agent.until(() => (agent.objects.get('pods/default/a') as Pod).status?.phase === 'Running');
    const before = api.calls.length;
    const ack = await agent.report(running('a'), running('b'));
    expect(ack.refusals).toEqual([]);
    expect(api.calls.slice(before).map(({ verb, name }) => `${verb} ${name}`)).toEqual(['update b']);
  });

  it('that only a cache that is behind has already are written', async () => {
    const agent = await session('a');
    const pending = { ...running('a'), object: { phase: 'Pending' } };
    api.holdWatches(resources.pods);
    await agent.report(running('a'));
    await agent.report(pending);
    expect(api.find<Pod>(resources.pods, key('a'))!.status!.phase).toBe('Pending');
  });

  it('undo what others wrote over them', async () => {
    const agent = await session('a');
    await agent.report(running('a'));
    api.change<Pod>(resources.pods, key('a'), (object) => {
      object.status!.conditions = [{ type: 'Ready', status: 'False', reason: 'NodeLost' }];
    });
    await agent.until(() => JSON.stringify(agent.objects.get('pods/default/a')).includes('NodeLost'));
    await agent.report(running('a'));
    expect(api.find<Pod>(resources.pods, key('a'))!.status!.conditions).toEqual([{ type: 'Ready', status: 'True' }]);
  });

  it('"gone" removes exactly that pod', async () => {
    const agent = await session('a', 'b');
    const gone = (name: string, uid: string) => ({ kind: Kind.POD_GONE, ...key(name), uid });
    const ack = await agent.report(gone('a', uidOf('a')), gone('b', 'uid of an earlier b'), gone('never', 'x'));
    expect(ack.refusals).toEqual([]);
    expect(api.find(resources.pods, key('a'))).toBeUndefined();
    expect(api.find(resources.pods, key('b'))).toBeDefined();
    await agent.until(() => !agent.objects.has('pods/default/a'));
  });

  it('of the node and events are written', async () => {
    const agent = await session();
    const event = { metadata: { name: 'e1', namespace: 'default' }, reason: 'Pulled', involvedObject: {} };
    const ack = await agent.report(
      { kind: Kind.NODE_STATUS, object: { conditions: [{ type: 'Ready', status: 'False' }] } },
      { kind: Kind.EVENT, object: event },
      { kind: Kind.EVENT, object: event },
    );
    expect(ack.refusals).toEqual([]);
    expect(api.find<Node>(resources.nodes, { name: 'n1' })!.status!.conditions).toMatchObject([{ status: 'False' }]);
    expect(api.all<Event>(resources.events).map((item) => item.reason)).toEqual(['Pulled']);
  });

  it('of an event that repeats raise its count', async () => {
    const agent = await session();
    const event = (count: number, lastTimestamp: string) => ({
      kind: Kind.EVENT,
      object: {
        metadata: { name: 'e1', namespace: 'default' },
        reason: 'Unhealthy',
        involvedObject: {},
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp,
        count,
      },
    });
    await agent.report(event(1, '2026-01-01T00:00:00Z'));
    expect((await agent.report(event(4, '2026-01-01T00:00:09Z'))).refusals).toEqual([]);
    expect(api.all<Event>(resources.events)).toMatchObject([
      { count: 4, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:09Z', reason: 'Unhealthy' },
    ]);
  });

  it('before Hello end the stream', async () => {
    const { address } = await master();
    const agent = connect(address);
    const reported = agent.report({ kind: Kind.NODE_STATUS });
    await expect(reported).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});

describe('liveness', () => {
  async function beat(address: string): Promise<void> {
    const client = new GrpcClient(DispatcherService, address, clientCredentials(nodeTls));
    cleanups.push(() => client.close());
    const stream = client.bidiStream(DispatcherService.method.heartbeat);
    stream.on('error', () => undefined);
    const answered = new Promise((resolve) => stream.once('data', resolve));
    stream.write({ incarnation: 'first' });
    await answered;
  }

  const status = (ready: string, reason = 'KubeletReady') => ({
    conditions: [
      { type: 'Ready', status: ready, reason },
      { type: 'MemoryPressure', status: ready === 'Unknown' ? 'Unknown' : 'False' },
    ],
  });
  const conditions = () =>
    api.find<Node>(resources.nodes, { name: 'n1' })?.status?.conditions?.map((condition) => condition.status);
  const judgeLost = () =>
    api.change<Node>(resources.nodes, { name: 'n1' }, (object) => {
      object.status = { ...object.status, ...status('Unknown', 'NodeStatusUnknown') };
    });

  it('brings the last report back when a node that is heard was judged lost', async () => {
    const { address } = await master();
    const agent = await connect(address)
      .hello({ node: { status: status('True') } })
      .synced();
    judgeLost();
    await api.until(() => conditions()?.join() === 'True,False');
    await agent.report({ kind: Kind.NODE_STATUS, object: status('False', 'KubeletNotReady') });
    judgeLost();
    await api.until(() => conditions()?.join() === 'False,False');
  });

  it('leaves a silent node judged lost although its stream is open, until it is heard again', async () => {
    const { address } = await master();
    await connect(address)
      .hello({ node: { status: status('True') } })
      .synced();
    skewMs += heardWithinMs + 1;
    judgeLost();
    const before = api.calls.length;
    api.change<Node>(resources.nodes, { name: 'n1' }, (object) => {
      object.metadata!.labels = { changed: 'yes' };
    });
    // What the master does with the change happens before what it does with later ones.
    const other = await connect(address, await pki.issue('system:node:n3', ['system:nodes']))
      .hello()
      .synced();
    await other.until(() => other.objects.has('nodes//n1'));
    expect(conditions()).toEqual(['Unknown', 'Unknown']);
    const touched = api.calls
      .slice(before)
      .filter(({ resource, name }) => resource.resource === 'nodes' && name === 'n1');
    expect(touched).toEqual([]);
    await beat(address);
    await api.until(() => conditions()?.join() === 'True,False');
  });

  it('writes nothing over what is no judgement', async () => {
    const { address } = await master();
    const agent = await connect(address)
      .hello({ node: { status: status('True') } })
      .synced();
    api.change<Node>(resources.nodes, { name: 'n1' }, (object) => {
      object.status = status('False', 'SetByHand');
    });
    skewMs += heardWithinMs + 1;
    await beat(address);
    const event = { metadata: { name: 'e', namespace: 'default' }, involvedObject: {} };
    await agent.report({ kind: Kind.EVENT, object: event });
    expect(conditions()).toEqual(['False', 'False']);
  });

  it('is what any master heard', async () => {
    const far = await master({ name: 'm2' });
    const peers = [
      createLastSeenPeer('m2', far.address, clientCredentials(masterTls)),
      createLastSeenPeer('m3', '127.0.0.1:1', clientCredentials(masterTls)),
    ];
    const near = await master({ name: 'm1', peers });
    expect(await near.dispatcher.lastSeen(['n1', 'unknown'])).toEqual([-1, -1]);
    await beat(far.address);
    const [age, unknown] = await near.dispatcher.lastSeen(['n1', 'unknown']);
    expect(age).toBeGreaterThanOrEqual(0);
    expect(unknown).toBe(-1);
  });

  it('shows in a Lease owned by the Node', async () => {
    const { address } = await master();
    await connect(address).hello().synced();
    const leaseKey = { namespace: 'kube-node-lease', name: 'n1' };
    await api.until(() => api.find(resources.leases, leaseKey) !== undefined);
    expect(api.find<Lease>(resources.leases, leaseKey)!.spec).toMatchObject({
      holderIdentity: 'n1',
      leaseDurationSeconds: 40,
      renewTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    });
  });

  it('a master that closes sends its agents away', async () => {
    const { address, dispatcher }: { address: string; dispatcher: Dispatcher } = await master();
    const agent = await connect(address).hello().synced();
    dispatcher.close();
    expect(await agent.failure()).toMatchObject({ code: Code.UNAVAILABLE });
  });
});
