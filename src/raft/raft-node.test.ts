import { connect } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { TestCluster } from './test-cluster.ts';

// Real threads on a machine that may be busy: nothing here is about time.
vi.setConfig({ testTimeout: 180_000 });

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.close();
  expect(cluster?.fatal ?? []).toEqual([]);
  cluster = undefined;
});

const command = (text: string) => Buffer.from(text);

test('three members elect a leader and a proposal on a follower is applied on all, result and all', async () => {
  cluster = await TestCluster.create(3);
  await cluster.startAll();
  const leader = await cluster.leader();
  const follower = cluster.follower(leader);
  expect(await follower.node.propose(command('a'))).toBe(1);
  expect(follower.machine.items).toEqual(['a']);
  expect(await cluster.members.get(leader)!.node.propose(command('b'))).toBe(2);
  for (const { machine } of cluster.members.values()) await machine.until((items) => items.length === 2);
  for (const { machine } of cluster.members.values()) expect(machine.items).toEqual(['a', 'b']);
});

test('a read barrier on any member shows what was acknowledged elsewhere', async () => {
  cluster = await TestCluster.create(3);
  await cluster.startAll();
  const leader = await cluster.leader();
  for (let round = 1; round <= 10; round++) {
    await cluster.members.get(leader)!.node.propose(command(`${round}`));
    for (const { node, machine } of cluster.members.values()) {
      await node.readBarrier();
      expect(machine.items.length).toBe(round);
    }
  }
});

test('after the leader stops another one takes over and no acknowledged proposal is lost or doubled', async () => {
  cluster = await TestCluster.create(3);
  await cluster.startAll();
  const first = await cluster.leader();
  const follower = cluster.follower(first);
  const sent = Array.from({ length: 200 }, (_, number) => `p${number}`);
  const results = Promise.allSettled(sent.map((text) => follower.node.propose(command(text))));
  await follower.machine.until((items) => items.length > 0);
  await cluster.stop(first);
  const second = await cluster.leader();
  expect(second).not.toBe(first);
  const outcomes = await results;
  const acknowledged = sent.filter((_, position) => outcomes[position]!.status === 'fulfilled');
  await follower.node.readBarrier();
  expect(follower.machine.items.filter((item) => acknowledged.includes(item)).sort()).toEqual([...acknowledged].sort());
  expect(new Set(follower.machine.items).size).toBe(follower.machine.items.length);

  const back = await cluster.start(first);
  await back.machine.until((items) => items.length >= follower.machine.items.length);
  expect(back.machine.items).toEqual(follower.machine.items);
});

test('everything is there after all members were stopped and started', async () => {
  cluster = await TestCluster.create(3);
  await cluster.startAll();
  await cluster.leader();
  await cluster.members.get(1)!.node.propose(command('kept'));
  for (const id of [1, 2, 3]) await cluster.stop(id);
  await cluster.startAll();
  await cluster.leader();
  for (const { node, machine } of cluster.members.values()) {
    await node.readBarrier();
    expect(machine.items).toEqual(['kept']);
  }
});

test('a member that was away too long catches up by a snapshot, and restarts from it', async () => {
  cluster = await TestCluster.create(3, { snapshotEveryEntries: 50, keptEntries: 10 });
  await cluster.startAll();
  await cluster.leader();
  await cluster.stop(3);
  const leader = await cluster.leader();
  const { node, machine } = cluster.members.get(leader)!;
  for (let round = 0; round < 6; round++)
    await Promise.all(Array.from({ length: 40 }, (_, number) => node.propose(command(`${round}-${number}`))));
  expect(machine.snapshots).toBeGreaterThan(0);
  const late = await cluster.start(3);
  await late.machine.until((items) => items.length >= 240);
  expect(late.machine.restoredFrom).toBeGreaterThan(0);
  expect(late.machine.items).toEqual(machine.items);
  await cluster.stop(3);
  const again = await cluster.start(3);
  expect(again.machine.restoredFrom).toBeGreaterThan(0);
  await again.machine.until((items) => items.length >= 240);
  expect(again.machine.items).toEqual(machine.items);
});

test('leadership moves to the member that was asked for', async () => {
  cluster = await TestCluster.create(3);
  await cluster.startAll();
  const first = await cluster.leader();
  const target = first === 3 ? 1 : 3;
  await cluster.members.get(first)!.node.transferLeadership(target);
  expect(await cluster.leader()).toBe(target);
});

test('without a majority a proposal fails with no-leader or unknown, and works again after', async () => {
  cluster = await TestCluster.create(3);
  await cluster.startAll();
  await cluster.leader();
  await cluster.stop(1);
  await cluster.stop(2);
  const { node } = cluster.members.get(3)!;
  const failure = await node.propose(command('x'), { timeoutMs: 700 }).catch((error) => error);
  expect(['no-leader', 'unknown']).toContain(failure.code);
  await expect(node.readBarrier({ timeoutMs: 300 })).rejects.toMatchObject({ code: 'no-leader' });
  await cluster.start(1);
  await cluster.leader();
  expect(await node.propose(command('y'))).toBeGreaterThan(0);
});

test('one member alone is a cluster', async () => {
  cluster = await TestCluster.create(1);
  await cluster.startAll();
  await cluster.leader();
  const { node } = cluster.members.get(1)!;
  expect(await node.propose(command('a'))).toBe(1);
  await node.readBarrier();
  expect((await node.status()).isLeader).toBe(true);
});

test('garbage on the port disturbs nothing', async () => {
  cluster = await TestCluster.create(3);
  await cluster.startAll();
  const leader = await cluster.leader();
  for (const { address } of cluster.peers) {
    const [host, port] = address.split(':');
    const socket = connect(Number(port), host);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => socket.destroy());
    socket.write(Buffer.alloc(4096, 0x47));
    await closed;
  }
  expect(await cluster.members.get(leader)!.node.propose(command('a'))).toBe(1);
  expect(await cluster.leader()).toBe(leader);
});
