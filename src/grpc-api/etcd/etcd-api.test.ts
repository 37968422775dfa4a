/** Every service over real connections, with grpc-js as the client and a store of one replica in memory. */
import { once } from 'node:events';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Auth,
  Cluster,
  KV,
  Lease,
  Maintenance,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
  Watch,
  type WatchResponse,
} from '../../gen/etcd/etcdserverpb/rpc_pb.ts';
import { Election } from '../../gen/etcd/v3electionpb/v3election_pb.ts';
import { Lock } from '../../gen/etcd/v3lockpb/v3lock_pb.ts';
import { KvService, Operator, Reason, type Result, type StreamResponse } from '../../gen/trimast/kv/v1/kv_pb.ts';
import { GrpcClient } from '../../lib/grpc.ts';
import type { LeanServer } from '../../lib/lean-grpc/index.ts';
import { silentLogger } from '../../lib/logger.ts';
import { type MembershipChange, ProposalError, type RaftMember } from '../../raft/types.ts';
import { createMemoryStore } from '../../store/testing/memory-proposer.ts';
import { createEtcdServer } from './index.ts';

type Memory = ReturnType<typeof createMemoryStore>;

let memory: Memory;
let server: LeanServer;
let address: string;
let members: RaftMember[];
const clients: { close(): void }[] = [];

const bytes = (text: string) => Buffer.from(text);
const text = (value: Uint8Array) => Buffer.from(value).toString();

beforeEach(async () => {
  memory = createMemoryStore();
  members = [1, 2].map((id) => ({ id, name: `m${id}`, address: `10.0.0.${id}:2380`, learner: false }));
  const { proposer, store } = memory;
  server = createEtcdServer({
    clusterId: 'test',
    memberId: 1,
    store,
    raft: {
      status: async () => ({
        ...proposer.leadership(),
        memberId: 1,
        role: 'leader',
        commitIndex: 9,
        appliedIndex: 8,
        firstIndex: 1,
        lastIndex: 9,
        snapshotIndex: 0,
        voters: [1, 2],
        learners: [],
        peers: [],
      }),
      leadership: () => proposer.leadership(),
      onLeadership: (listener) => proposer.onLeadership(listener),
      members: () => members,
      changeMembership,
      transferLeadership: async () => undefined,
    },
    directory: { etcdAddress: ({ id }) => (id === 1 ? '10.0.0.1:2379' : undefined), newMemberId: () => 77 },
    logger: silentLogger,
  });
  address = `127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.stop();
});

async function changeMembership(change: MembershipChange): Promise<readonly RaftMember[]> {
  if (change.type === 'add-learner') members = [...members, { ...change.member, learner: true }];
  else if (change.type === 'remove') members = members.filter(({ id }) => id !== change.id);
  else if (change.type === 'promote') throw new ProposalError('refused', 'it has not caught up');
  else if (change.type === 'update-address')
    members = members.map((member) => (member.id === change.id ? { ...member, address: change.address } : member));
  return members;
}

function client<
  S extends
    | typeof KV
    | typeof Watch
    | typeof Lease
    | typeof Cluster
    | typeof Maintenance
    | typeof Auth
    | typeof Lock
    | typeof Election
    | typeof KvService,
>(service: S): GrpcClient<S> {
  const one = new GrpcClient(service, address, grpc.credentials.createInsecure());
  clients.push(one);
  return one;
}

const put = (key: string, value = key, options = {}) =>
  client(KV).unary(KV.method.put, { key: bytes(key), value: bytes(value), ...options });

describe('KV', () => {
  test('put, get, delete, with previous values, in one header', async () => {
    const kv = client(KV);
    expect((await put('a', '1')).header?.revision).toBe(2n);
    const again = await put('a', '2', { prevKv: true });
    expect([text(again.prevKv!.value), again.prevKv!.version]).toEqual(['1', 1n]);
    const found = await kv.unary(KV.method.range, { key: bytes('a') });
    expect(
      found.kvs.map(({ key, value, version, modRevision }) => [text(key), text(value), version, modRevision]),
    ).toEqual([['a', '2', 2n, 3n]]);
    const deleted = await kv.unary(KV.method.deleteRange, { key: bytes('a'), rangeEnd: bytes('b'), prevKv: true });
    expect([deleted.deleted, text(deleted.prevKvs[0]!.value), deleted.header?.revision]).toEqual([1n, '2', 4n]);
    expect(deleted.header).toMatchObject({ memberId: 1n, raftTerm: 1n });
  });

  test('ranges: limits, order, keys only, count only, older revisions', async () => {
    const kv = client(KV);
    for (const key of ['a', 'c', 'b']) await put(key);
    const all = { key: bytes('\0'), rangeEnd: bytes('\0') };
    const keys = async (options = {}) =>
      (await kv.unary(KV.method.range, { ...all, ...options })).kvs.map((item) => text(item.key)).join('');
    expect(await keys()).toBe('abc');
    expect(await keys({ sortTarget: SortTarget.CREATE, sortOrder: SortOrder.DESCEND })).toBe('bca');
    expect(await keys({ revision: 3n })).toBe('ac');
    const limited = await kv.unary(KV.method.range, { ...all, limit: 2n, keysOnly: true, serializable: true });
    expect([limited.kvs.length, limited.more, limited.count, limited.kvs[0]!.value.length]).toEqual([2, true, 3n, 0]);
    const counted = await kv.unary(KV.method.range, { ...all, countOnly: true });
    expect([counted.kvs.length, counted.count]).toEqual([0, 3n]);
  });

  test('a transaction takes one branch or the other', async () => {
    const kv = client(KV);
    await put('a', '1');
    const swap = () =>
      kv.unary(KV.method.txn, {
        compare: [{ key: bytes('a'), target: 3, targetUnion: { case: 'value', value: bytes('1') } }],
        success: [{ request: { case: 'requestPut', value: { key: bytes('a'), value: bytes('2') } } }],
        failure: [{ request: { case: 'requestRange', value: { key: bytes('a') } } }],
      });
    expect(await swap()).toMatchObject({ succeeded: true, header: { revision: 3n } });
    const second = await swap();
    expect(second).toMatchObject({ succeeded: false, header: { revision: 3n } });
    const [answer] = second.responses;
    expect(answer!.response.case === 'responseRange' && text(answer!.response.value.kvs[0]!.value)).toBe('2');
  });

  const manyPuts = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      request: { case: 'requestPut' as const, value: { key: bytes(`k${index}`) } },
    }));

  test.each([
    ['no key', () => put(''), 3, 'etcdserver: key is not provided'],
    [
      'a future revision',
      () => client(KV).unary(KV.method.range, { key: bytes('a'), revision: 999n }),
      11,
      'etcdserver: mvcc: required revision is a future revision',
    ],
    ['an unknown lease', () => put('a', 'b', { lease: 5n }), 5, 'etcdserver: requested lease not found'],
    ['a value kept that is not there', () => put('new', '', { ignoreValue: true }), 3, 'etcdserver: key not found'],
    [
      'too many operations',
      () => client(KV).unary(KV.method.txn, { success: manyPuts(129) }),
      3,
      'etcdserver: too many operations in txn request',
    ],
    [
      'a key put twice',
      () => client(KV).unary(KV.method.txn, { success: [...manyPuts(1), ...manyPuts(1)] }),
      3,
      'etcdserver: duplicate key given in txn request',
    ],
    [
      'a request that is too large',
      () => put('a', 'x'.repeat(1.5 * 1024 * 1024)),
      3,
      'etcdserver: request is too large',
    ],
    [
      'compaction of the future',
      () => client(KV).unary(KV.method.compact, { revision: 999n }),
      11,
      'etcdserver: mvcc: required revision is a future revision',
    ],
  ])('%s is answered as etcd does, and changes nothing', async (_what, call, code, details) => {
    const { hash } = memory.store.stateHash();
    await expect(call()).rejects.toMatchObject({ code, details });
    expect(memory.store.stateHash().hash).toBe(hash);
  });

  test('what was compacted cannot be read, nor compacted again', async () => {
    const kv = client(KV);
    for (const value of ['1', '2', '3']) await put('a', value);
    await kv.unary(KV.method.compact, { revision: 3n, physical: true });
    const compacted = { code: 11, details: 'etcdserver: mvcc: required revision has been compacted' };
    await expect(kv.unary(KV.method.range, { key: bytes('a'), revision: 2n })).rejects.toMatchObject(compacted);
    await expect(kv.unary(KV.method.compact, { revision: 3n })).rejects.toMatchObject(compacted);
  });

  test.each(['no-leader', 'unknown', 'overloaded'] as const)('consensus says %s', async (failure) => {
    const details = {
      'no-leader': 'etcdserver: no leader',
      unknown: 'etcdserver: request timed out',
      overloaded: 'etcdserver: too many requests',
    };
    memory.proposer.setFailure(failure);
    await expect(put('a')).rejects.toMatchObject({ details: details[failure] });
  });
});

describe('Kubernetes objects', () => {
  const range = { key: bytes('/registry/core/pods/a') };

  test('are read, and protected from every kind of write', async () => {
    const kv = client(KV);
    await memory.store.transact({
      compare: [],
      success: [{ type: 'put', key: '/registry/core/pods/a', value: bytes('{}') }],
    });
    expect((await kv.unary(KV.method.range, range)).count).toBe(1n);
    const { hash } = memory.store.stateHash();
    const { leader } = await client(Election)
      .unary(Election.method.campaign, { name: bytes('e'), value: bytes('v') })
      .then((answer) => ({ leader: answer.leader! }));
    const writes = [
      () => put('/registry/core/pods/a'),
      () => kv.unary(KV.method.deleteRange, { key: bytes('/'), rangeEnd: bytes('\0') }),
      () => kv.unary(KV.method.deleteRange, { key: bytes('/registry'), rangeEnd: bytes('/registry/d') }),
      () =>
        kv.unary(KV.method.txn, {
          failure: [
            {
              request: {
                case: 'requestTxn',
                value: { success: [{ request: { case: 'requestDeleteRange', value: range } }] },
              },
            },
          ],
        }),
      () => client(Lock).unary(Lock.method.lock, { name: bytes('/registry/x') }),
      () => client(Lock).unary(Lock.method.unlock, range),
      () => client(Election).unary(Election.method.resign, { leader: { ...leader, key: range.key } }),
    ];
    for (const write of writes)
      await expect(write()).rejects.toMatchObject({
        code: grpc.status.PERMISSION_DENIED,
        details: expect.stringContaining('kubectl'),
      });
    await kv.unary(KV.method.deleteRange, { key: bytes('e/'), rangeEnd: bytes('e0') });
    expect([(await kv.unary(KV.method.range, range)).count, hash.length > 0]).toEqual([1n, true]);
  });

  test('keys beside the prefix are everyone’s', async () => {
    for (const key of ['/registry', '/registry0', '/registryx/a', 'registry/a', '/trimas']) await put(key);
    const { deleted } = await client(KV).unary(KV.method.deleteRange, {
      key: bytes('/registry0'),
      rangeEnd: bytes('/s'),
    });
    expect(deleted).toBe(2n);
  });
});

describe('Watch', () => {
  type Stream = ClientDuplexStream<object, WatchResponse>;
  const open = (): Stream => client(Watch).bidiStream(Watch.method.watch) as unknown as Stream;
  const create = (stream: Stream, request: object) =>
    stream.write({ requestUnion: { case: 'createRequest', value: request } });
  const reader = (stream: Stream) => {
    const iterator = stream[Symbol.asyncIterator]();
    return async (): Promise<WatchResponse> => (await iterator.next()).value;
  };
  const events = (response: WatchResponse) =>
    response.events.map(
      ({ type, kv, prevKv }) =>
        `${type === 0 ? 'put' : 'del'} ${text(kv!.key)}=${text(kv!.value)}${prevKv ? ` was ${text(prevKv.value)}` : ''}`,
    );

  test('history first, then live; previous values and filters; cancel', async () => {
    await put('a', '1');
    const stream = open();
    const next = reader(stream);
    create(stream, { key: bytes('a'), startRevision: 2n, prevKv: true });
    expect(await next()).toMatchObject({ created: true, watchId: 0n });
    expect(events(await next())).toEqual(['put a=1']);
    await put('a', '2');
    expect(events(await next())).toEqual(['put a=2 was 1']);
    create(stream, { key: bytes('a'), filters: [0], watchId: 7n });
    expect(await next()).toMatchObject({ created: true, watchId: 7n });
    stream.write({ requestUnion: { case: 'cancelRequest', value: { watchId: 0n } } });
    expect(await next()).toMatchObject({ canceled: true, watchId: 0n });
    await put('a', '3');
    await client(KV).unary(KV.method.deleteRange, { key: bytes('a') });
    const last = await next();
    expect([last.watchId, events(last)]).toEqual([7n, ['del a=']]);
    stream.end();
    await once(stream, 'status');
  });

  test('a revision that was compacted ends the watch and says from where to go on', async () => {
    for (const value of ['1', '2', '3']) await put('a', value);
    await memory.store.compact(3);
    const stream = open();
    const next = reader(stream);
    create(stream, { key: bytes('a'), startRevision: 2n });
    expect(await next()).toMatchObject({ created: true, canceled: false });
    expect(await next()).toMatchObject({ canceled: true, compactRevision: 4n });
    stream.cancel();
  });

  test.each([
    [
      'a negative revision',
      { key: bytes('a'), startRevision: -1n },
      'etcdserver: mvcc: required revision has been compacted',
    ],
    ['an empty range', { key: bytes('b'), rangeEnd: bytes('a') }, 'mvcc: watcher range is empty'],
    ['an id that is taken', { key: bytes('b'), watchId: 5n }, 'mvcc: duplicate watch ID provided on the WatchStream'],
  ])('%s is refused, and the stream goes on', async (_what, request, cancelReason) => {
    const stream = open();
    const next = reader(stream);
    create(stream, { key: bytes('z'), watchId: 5n });
    await next();
    create(stream, request);
    expect(await next()).toMatchObject({ created: true, canceled: true, watchId: -1n, cancelReason });
    await put('z');
    expect(events(await next())).toEqual(['put z=z']);
    stream.cancel();
  });

  test('progress on request, of all watches at once', async () => {
    await put('a');
    const stream = open();
    const next = reader(stream);
    create(stream, { key: bytes('x') });
    create(stream, { key: bytes('y') });
    await next();
    await next();
    stream.write({ requestUnion: { case: 'progressRequest', value: {} } });
    expect(await next()).toMatchObject({ watchId: -1n, header: { revision: 2n }, events: [] });
    stream.cancel();
  });

  test('large answers come in fragments if asked for', async () => {
    const stream = open();
    const next = reader(stream);
    create(stream, { key: bytes('\0'), rangeEnd: bytes('\0'), fragment: true });
    await next();
    const value = Buffer.alloc(700_000, 1);
    await memory.store.transact({
      compare: [],
      success: ['a', 'b', 'c', 'd', 'e'].map((key) => ({ type: 'put', key, value })),
    });
    const answers = [await next(), await next(), await next()];
    expect(answers.map(({ fragment, events }) => [fragment, events.length])).toEqual([
      [true, 2],
      [true, 2],
      [false, 1],
    ]);
    stream.cancel();
  });
});

describe('Lease', () => {
  test('grant, attach, look, keep alive, revoke', async () => {
    const leases = client(Lease);
    const { ID, TTL } = await leases.unary(Lease.method.leaseGrant, { TTL: 100n });
    expect(TTL).toBe(100n);
    await put('a', '1', { lease: ID });
    expect(await leases.unary(Lease.method.leaseTimeToLive, { ID, keys: true })).toMatchObject({
      grantedTTL: 100n,
      keys: [bytes('a')],
    });
    expect((await leases.unary(Lease.method.leaseLeases, {})).leases.map((one) => one.ID)).toEqual([ID]);
    const stream = leases.bidiStream(Lease.method.leaseKeepAlive);
    stream.write({ ID });
    expect((await once(stream, 'data'))[0]).toMatchObject({ ID, TTL: 100n });
    stream.write({ ID: 4711n });
    expect((await once(stream, 'data'))[0]).toMatchObject({ ID: 4711n, TTL: 0n });
    stream.end();
    stream.resume();
    await once(stream, 'status');
    await leases.unary(Lease.method.leaseRevoke, { ID });
    expect((await client(KV).unary(KV.method.range, { key: bytes('a') })).count).toBe(0n);
    expect((await leases.unary(Lease.method.leaseTimeToLive, { ID })).TTL).toBe(-1n);
  });

  test.each([
    [
      'an unknown lease',
      () => client(Lease).unary(Lease.method.leaseRevoke, { ID: 9n }),
      5,
      'etcdserver: requested lease not found',
    ],
    [
      'a time that is too long',
      () => client(Lease).unary(Lease.method.leaseGrant, { TTL: 9_000_000_001n }),
      11,
      'etcdserver: too large lease TTL',
    ],
    [
      'an id that is taken',
      async () => {
        for (const _ of [1, 2]) await client(Lease).unary(Lease.method.leaseGrant, { TTL: 10n, ID: 3n });
      },
      9,
      'etcdserver: lease already exists',
    ],
  ])('%s', async (_what, call, code, details) => {
    await expect(call()).rejects.toMatchObject({ code, details });
  });
});

describe('Lock and Election', () => {
  test('a lock goes to the next one when it is given back', async () => {
    const locks = client(Lock);
    const first = await locks.unary(Lock.method.lock, { name: bytes('l') });
    const second = client(Lock).unary(Lock.method.lock, { name: bytes('l') });
    const order: string[] = [];
    void second.then(() => order.push('second'));
    await put('meanwhile');
    expect(order).toEqual([]);
    await locks.unary(Lock.method.unlock, { key: first.key });
    expect(text((await second).key)).toMatch(/^l\/[0-9a-f]+$/);
  });

  test('who gives up waiting loses the place', async () => {
    const { key } = await client(Lock).unary(Lock.method.lock, { name: bytes('l') });
    const controller = new AbortController();
    const waiting = client(Lock).unary(Lock.method.lock, { name: bytes('l') }, { signal: controller.signal });
    const places = () => memory.store.range({ key: 'l/', end: 'l0' }).count;
    while (places() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: grpc.status.CANCELLED });
    while (places() > 1) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(memory.store.get(text(key))).toBeDefined();
  });

  test('campaign, leader, proclaim, observe, resign', async () => {
    const elections = client(Election);
    const name = bytes('e');
    await expect(elections.unary(Election.method.leader, { name })).rejects.toMatchObject({
      details: 'election: no leader',
    });
    const { leader } = await elections.unary(Election.method.campaign, { name, value: bytes('one') });
    const stream = elections.serverStream(Election.method.observe, { name });
    const iterator = stream[Symbol.asyncIterator]();
    const observed = async () => text((await iterator.next()).value.kv.value);
    expect(await observed()).toBe('one');
    await elections.unary(Election.method.proclaim, { leader: leader!, value: bytes('two') });
    expect(await observed()).toBe('two');
    expect(text((await elections.unary(Election.method.leader, { name })).kv!.value)).toBe('two');
    const next = client(Election).unary(Election.method.campaign, { name, value: bytes('three') });
    await elections.unary(Election.method.resign, { leader: leader! });
    await next;
    expect(await observed()).toBe('three');
    await expect(
      elections.unary(Election.method.proclaim, { leader: leader!, value: bytes('late') }),
    ).rejects.toMatchObject({
      details: 'election: not leader',
    });
    stream.on('error', () => undefined);
    stream.cancel();
  });
});

describe('Cluster, Maintenance, Auth', () => {
  test('members: list, add, update, promote, remove', async () => {
    const cluster = client(Cluster);
    const list = async () => (await cluster.unary(Cluster.method.memberList, { linearizable: true })).members;
    expect((await list()).map(({ ID, name, peerURLs, clientURLs }) => [ID, name, peerURLs, clientURLs])).toEqual([
      [1n, 'm1', ['https://10.0.0.1:2380'], ['https://10.0.0.1:2379']],
      [2n, 'm2', ['https://10.0.0.2:2380'], []],
    ]);
    const added = await cluster.unary(Cluster.method.memberAdd, {
      peerURLs: ['https://10.0.0.9:2380'],
      isLearner: true,
    });
    expect([added.member!.ID, added.member!.isLearner, added.members.length]).toEqual([77n, true, 3]);
    const promote = (ID: bigint) => cluster.unary(Cluster.method.memberPromote, { ID });
    await expect(promote(77n)).rejects.toMatchObject({ details: expect.stringContaining('in sync with leader') });
    await expect(promote(1n)).rejects.toMatchObject({ details: 'etcdserver: can only promote a learner member' });
    await expect(promote(5n)).rejects.toMatchObject({ details: 'etcdserver: member not found' });
    await cluster.unary(Cluster.method.memberUpdate, { ID: 77n, peerURLs: ['https://10.0.0.8:2380'] });
    expect((await list())[2]!.peerURLs).toEqual(['https://10.0.0.8:2380']);
    const taken = cluster.unary(Cluster.method.memberAdd, { peerURLs: ['https://10.0.0.8:2380'] });
    await expect(taken).rejects.toMatchObject({ details: 'etcdserver: Peer URLs already exists' });
    await expect(cluster.unary(Cluster.method.memberAdd, { peerURLs: ['nonsense'] })).rejects.toMatchObject({
      code: 3,
    });
    expect((await cluster.unary(Cluster.method.memberRemove, { ID: 77n })).members.length).toBe(2);
  });

  test('status, hashes, alarms, moves', async () => {
    const maintenance = client(Maintenance);
    await put('a');
    expect(await maintenance.unary(Maintenance.method.status, {})).toMatchObject({
      version: expect.stringMatching(/^3\.6\./),
      leader: 1n,
      raftIndex: 9n,
      errors: [],
    });
    const hash = await maintenance.unary(Maintenance.method.hashKV, {});
    expect(hash).toMatchObject({ hashRevision: 2n });
    expect(hash.hash).toBe((await memory.store.hashKv()).hash);
    expect((await maintenance.unary(Maintenance.method.alarm, {})).alarms).toEqual([]);
    await maintenance.unary(Maintenance.method.defragment, {});
    await maintenance.unary(Maintenance.method.moveLeader, { targetID: 2n });
    await expect(maintenance.unary(Maintenance.method.moveLeader, { targetID: 5n })).rejects.toMatchObject({
      details: 'etcdserver: bad leader transferee',
    });
    expect((await maintenance.unary(Maintenance.method.downgrade, { action: 2 })).version).toBe('3.6');
    await expect(maintenance.unary(Maintenance.method.downgrade, { action: 1 })).rejects.toMatchObject({ code: 12 });
    expect((await client(Auth).unary(Auth.method.authStatus, {})).enabled).toBe(false);
    await expect(client(Auth).unary(Auth.method.authEnable, {})).rejects.toMatchObject({
      code: grpc.status.UNIMPLEMENTED,
    });
  });
});

describe('trimast.kv.v1', () => {
  type Stream = ClientDuplexStream<object, StreamResponse>;
  const open = (): Stream => client(KvService).bidiStream(KvService.method.stream) as unknown as Stream;

  async function results(stream: Stream, count: number): Promise<Map<bigint, Result>> {
    const byNumber = new Map<bigint, Result>();
    stream.on('data', (response: StreamResponse) => {
      for (const result of response.results) byNumber.set(result.number, result);
    });
    while (byNumber.size < count) await once(stream, 'data');
    return byNumber;
  }

  test('many calls in flight, each with its answer', async () => {
    const stream = open();
    const calls = Array.from({ length: 10_000 }, (_, index) => ({
      number: BigInt(index + 1),
      operation: { case: 'put' as const, value: { key: bytes(`k${index}`), value: bytes('v') } },
    }));
    for (let start = 0; start < calls.length; start += 500) stream.write({ calls: calls.slice(start, start + 500) });
    const answers = await results(stream, calls.length);
    const revisions = [...answers.values()].map(({ outcome }) =>
      outcome.case === 'committed' ? outcome.value.revision : 0n,
    );
    expect(new Set(revisions).size).toBe(10_000);
    expect(memory.store.revision).toBe(10_001);
    expect(memory.proposer.log.length).toBeLessThan(1_000);
    stream.end();
    await once(stream, 'status');
  });

  test('every kind of call and of answer', async () => {
    await put('a', '1');
    const compare = (value: string) => ({
      comparisons: [{ key: bytes('a'), operator: Operator.EQUAL, operand: { case: 'value', value: bytes(value) } }],
    });
    const range = { operation: { case: 'range', value: { key: bytes('a') } } };
    const stream = open();
    stream.write({
      calls: [
        { number: 1n, operation: { case: 'range', value: { key: bytes('a') } } },
        { number: 2n, operation: { case: 'transaction', value: { ...compare('no'), failure: [range] } } },
        { number: 3n, operation: { case: 'delete', value: { key: bytes('a'), end: bytes('b') } } },
        { number: 4n, operation: { case: 'put', value: { key: bytes('/registry/x') } } },
        { number: 5n, operation: { case: 'put', value: { key: bytes('b'), lease: 9n } } },
        { number: 6n, operation: { case: 'range', value: { key: bytes('a'), revision: 99n } } },
        { number: 7n },
        { number: 8n, operation: { case: 'put', value: {} } },
      ],
    });
    const answers = await results(stream, 8);
    const outcome = (number: bigint) => answers.get(number)!.outcome;
    const committed = (number: bigint) => {
      const { value } = outcome(number) as unknown as {
        value: { succeeded: boolean; results: { result: { case: string; value: never } }[] };
      };
      return [value.succeeded, value.results.map(({ result }) => result.case)];
    };
    expect([committed(1n), committed(2n), committed(3n)]).toEqual([
      [true, ['range']],
      [false, ['range']],
      [true, ['deleted']],
    ]);
    const refused = (number: bigint) => (outcome(number).value as { reason: Reason }).reason;
    expect([4n, 5n, 6n, 7n, 8n].map(refused)).toEqual([
      Reason.PROTECTED,
      Reason.LEASE_NOT_FOUND,
      Reason.REVISION,
      Reason.INVALID,
      Reason.INVALID,
    ]);
    memory.proposer.setFailure('unknown');
    stream.write({ calls: [{ number: 9n, operation: { case: 'put', value: { key: bytes('c') } } }] });
    expect((await results(stream, 1)).get(9n)!.outcome.case).toBe('unknown');
    stream.cancel();
    stream.on('error', () => undefined);
  });
});
