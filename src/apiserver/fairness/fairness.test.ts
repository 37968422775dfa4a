import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../api/status.ts';
import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { parseRequestInfo } from '../http/request-info.ts';
import { startHttpHarness } from '../testing/http-harness.ts';
import { createTestApi } from '../testing/test-api.ts';
import type { UserInfo } from '../types.ts';
import { ensureDefaultConfig, flowSchemas, priorityLevels } from './default-config.ts';
import { Fairness } from './index.ts';
import { startKeepingConfig } from './keep-config.ts';
import { limitsOf } from './limits.ts';
import { dealHand } from './shuffle-shard.ts';
import type { FlowSchema } from './types.ts';

const info = (path: string, method = 'GET') => parseRequestInfo(method, path, new URLSearchParams());
const pods = info('/api/v1/namespaces/default/pods');
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, 'system:authenticated'] });
const never = new AbortController().signal;
const one = () => 1;

let api: Awaited<ReturnType<typeof createTestApi>>;
let clock: ManualClock;
let fairness: Fairness;
beforeEach(async () => {
  api = await createTestApi();
  clock = new ManualClock();
  await ensureDefaultConfig(api.client);
  fairness = new Fairness({ store: api.store, clock, seats: 49 });
});
const ended = new AbortController();
afterAll(() => ended.abort());

const nameOf = async (uid: string) => {
  const [schemas, levels] = await Promise.all([api.client.list(flowSchemas), api.client.list(priorityLevels)]);
  return [...schemas.items, ...levels.items].find(({ metadata }) => metadata?.uid === uid)?.metadata?.name;
};

test.each([
  [user('a', 'system:masters'), pods, 'exempt', 'exempt'],
  [user('a'), info('/livez'), 'probes', 'exempt'],
  [user('a'), pods, 'global-default', 'global-default'],
  [user('system:kube-scheduler'), pods, 'kube-scheduler', 'workload-high'],
  [
    user('system:kube-scheduler'),
    info('/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x', 'PUT'),
    'system-leader-election',
    'leader-election',
  ],
  [user('system:node:n', 'system:nodes'), info('/api/v1/nodes/n/status', 'PATCH'), 'system-node-high', 'node-high'],
  [user('system:node:n', 'system:nodes'), pods, 'system-nodes', 'system'],
  [
    user('system:serviceaccount:kube-system:x', 'system:serviceaccounts'),
    pods,
    'kube-system-service-accounts',
    'workload-high',
  ],
  [user('system:serviceaccount:a:x', 'system:serviceaccounts'), pods, 'service-accounts', 'workload-low'],
])('the default schemas put %j on %j under %s', async (who, what, schema, level) => {
  const admission = await fairness.admit(who, what, one, never);
  expect([await nameOf(admission.schemaUid), await nameOf(admission.levelUid)]).toEqual([schema, level]);
  admission.release();
});

test('levels share the seats by their shares, and lend what is idle', () => {
  const level = (name: string, shares: number, lendablePercent: number) => ({
    metadata: { name },
    spec: { type: 'Limited', limited: { nominalConcurrencyShares: shares, lendablePercent } },
  });
  const limits = limitsOf([level('a', 30, 50), level('b', 10, 0)], 100);
  expect(limits.get('a')).toMatchObject({ nominalSeats: 75, lendableSeats: 38, borrowingLimit: 100 });
  expect(limits.get('b')).toMatchObject({ nominalSeats: 25, lendableSeats: 0, queuing: undefined });
});

test('dealHand gives distinct queues, the same to the same flow', () => {
  for (let flow = 0; flow < 200; flow++) {
    const hand = dealHand(`flow ${flow}`, 16, 6);
    expect(new Set(hand).size).toBe(6);
    expect(Math.max(...hand)).toBeLessThan(16);
    expect(dealHand(`flow ${flow}`, 16, 6)).toEqual(hand);
  }
  expect(dealHand('x', 3, 8).sort()).toEqual([0, 1, 2]);
});

describe('a level without lenders', () => {
  /** catch-all refuses at once; this one queues, with one seat. */
  beforeEach(async () => {
    const { client } = api;
    for (const { metadata } of (await client.list(flowSchemas)).items)
      await client.delete(flowSchemas, { name: metadata!.name! });
    for (const { metadata } of (await client.list(priorityLevels)).items)
      await client.delete(priorityLevels, { name: metadata!.name! });
    await client.create(priorityLevels, {
      apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
      kind: 'PriorityLevelConfiguration',
      metadata: { name: 'tight' },
      spec: {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: 5,
          limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 2, queueLengthLimit: 4 } },
        },
      },
    } as never);
    await client.create(flowSchemas, {
      apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
      kind: 'FlowSchema',
      metadata: { name: 'all' },
      spec: {
        matchingPrecedence: 500,
        priorityLevelConfiguration: { name: 'tight' },
        distinguisherMethod: { type: 'ByUser' },
        rules: [
          {
            subjects: [{ kind: 'Group', group: { name: '*' } }],
            resourceRules: [
              { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true },
            ],
          },
        ],
      },
    } as never);
    // catch-all has the other half.
    fairness = new Fairness({ store: api.store, clock, seats: 2 });
  });

  test('requests wait, and flows take turns however much one of them asks', async () => {
    const order: string[] = [];
    const first = await fairness.admit(user('greedy'), pods, one, never);
    const run = async (name: string) => {
      const { release } = await fairness.admit(user(name), pods, one, never);
      order.push(name);
      release();
    };
    const all = ['greedy', 'greedy', 'greedy', 'greedy', 'modest'].map(run);
    await Promise.resolve();
    expect(order).toEqual([]);
    first.release();
    await Promise.all(all);
    expect(order.indexOf('modest')).toBeLessThan(3);
    expect(order).toHaveLength(5);
  });

  test('a full hand of queues is a 429, and so is waiting too long', async () => {
    const { release } = await fairness.admit(user('a'), pods, one, never);
    const waiting = Array.from({ length: 8 }, () =>
      fairness.admit(user('a'), pods, one, never).catch((error) => error),
    );
    await expect(fairness.admit(user('a'), pods, one, never)).rejects.toMatchObject({
      reason: 'TooManyRequests',
      details: { retryAfterSeconds: 1 },
    });
    clock.advance(15_001);
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ reason: 'TooManyRequests' });
    release();
    (await fairness.admit(user('a'), pods, one, never)).release();
  });

  test('who goes away gives its place up', async () => {
    const { release } = await fairness.admit(user('a'), pods, one, never);
    const gone = new AbortController();
    const waiting = fairness.admit(user('a'), pods, one, gone.signal);
    gone.abort();
    await expect(waiting).rejects.toMatchObject({ reason: 'TooManyRequests' });
    release();
    (await fairness.admit(user('a'), pods, one, never)).release();
  });

  test('one that is wider than all there is runs alone', async () => {
    const { release } = await fairness.admit(user('a'), pods, () => 10, never);
    const waiting = fairness.admit(user('b'), pods, one, never);
    release();
    (await waiting).release();
  });
});

test('a level that is full borrows idle seats, and gives them back', async () => {
  // workload-low has 20 of 49 seats; what others lend comes on top.
  const account = user('system:serviceaccount:a:x', 'system:serviceaccounts');
  const held = await Promise.all(Array.from({ length: 25 }, () => fairness.admit(account, pods, one, never)));
  // Its own seats are there for who does not lend them.
  (await fairness.admit(user('system:node:n', 'system:nodes'), pods, one, never)).release();
  for (const { release } of held) release();
});

test('the leader keeps the default objects, and says which schemas dangle', async () => {
  const { client } = api;
  await startKeepingConfig({ client, term: 1, signal: ended.signal }, fairness, clock, silentLogger);
  await client.delete(priorityLevels, { name: 'workload-low' });
  await client.create(flowSchemas, {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name: 'lost' },
    spec: { matchingPrecedence: 9, priorityLevelConfiguration: { name: 'nowhere' } },
  } as never);
  let status: string | undefined;
  for (let attempt = 0; attempt < 200 && status === undefined; attempt++) {
    clock.advance(2_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const lost = await client.get<FlowSchema>(flowSchemas, { name: 'lost' });
    status = lost.status?.conditions?.[0]?.status;
  }
  expect(status).toBe('True');
  expect(await client.get(priorityLevels, { name: 'workload-low' })).toBeDefined();
});

test('over HTTP: the headers name schema and level, and a full house is a 429 with Retry-After', async () => {
  const full: Fairness = Object.assign(Object.create(Fairness.prototype), {
    admit: () => Promise.reject(new ApiError('TooManyRequests', 'no', { retryAfterSeconds: 1 })),
  });
  let use = full;
  const late = { admit: (...args: Parameters<Fairness['admit']>) => use.admit(...args) } as Fairness;
  const served = await startHttpHarness({ fairness: late });
  try {
    const refused = await served.call('GET', '/api/v1/pods');
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
    await ensureDefaultConfig(served.client);
    use = new Fairness({ store: served.store, clock });
    const { headers, status } = await served.call('GET', '/api/v1/pods');
    expect(status).toBe(200);
    const exempt = await served.client.get<FlowSchema>(flowSchemas, { name: 'exempt' });
    expect(headers['x-kubernetes-pf-flowschema-uid']).toBe(exempt.metadata?.uid);
    expect(headers['x-kubernetes-pf-prioritylevel-uid']).toMatch(/^[0-9a-f-]{36}$/);
  } finally {
    await served.stop();
  }
});
