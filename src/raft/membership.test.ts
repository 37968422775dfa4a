/** Changes of the membership through real threads, disks and TLS. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { TestCluster } from './test-cluster.ts';
import { type MembershipChange, ProposalError, type RaftMember } from './types.ts';

// Real threads on a machine that may be busy: nothing here is about time.
vi.setConfig({ testTimeout: 180_000 });

let cluster: TestCluster | undefined;
let load: Load | undefined;
afterEach(async () => {
  await load?.stop();
  load = undefined;
  await cluster?.close();
  expect(cluster?.fatal ?? []).toEqual([]);
  cluster = undefined;
});

const options = { autopilotStableMs: 100, snapshotEveryEntries: 200, keptEntries: 50 };
const within = { timeoutMs: 20_000 };
const voters = (members: readonly RaftMember[]) => members.filter(({ learner }) => !learner).map(({ id }) => id);

function inEffect(wanted: MembershipChange, members: readonly RaftMember[]): boolean {
  const has = (id: number) => members.some((member) => member.id === id);
  switch (wanted.type) {
    case 'add-learner':
      return has(wanted.member.id);
    case 'promote':
      return voters(members).includes(wanted.id);
    case 'remove':
      return !has(wanted.id);
    case 'replace':
      return !has(wanted.id) && voters(members).includes(wanted.by.id);
    case 'update-address':
      return members.some(({ id, address }) => id === wanted.id && address === wanted.address);
  }
}

/** Through whichever member leads. What a change of leader left open is asked again, as an operator would. */
async function change(running: TestCluster, wanted: MembershipChange): Promise<readonly RaftMember[]> {
  for (;;) {
    const { node } = await running.leading();
    try {
      return await node.changeMembership(wanted, within);
    } catch (error) {
      if (inEffect(wanted, node.members())) return node.members();
      const open = error instanceof ProposalError && ['unknown', 'no-leader', 'stopped'].includes(error.code);
      if (!open && !(error as Error).message.includes('under way') && !(error as Error).message.includes('answer'))
        throw error;
      await delay(50);
    }
  }
}

/** Starts a new member and waits until it votes. */
async function grow(running: TestCluster, id: number): Promise<void> {
  const member = await running.announce(id);
  await running.start(id);
  await change(running, { type: 'add-learner', member, promote: true });
  const { node } = running.members.get(id)!;
  await new Promise<void>((resolve) => {
    const check = () => voters(node.members()).includes(id) && resolve();
    node.onMembers(check);
    check();
  });
}

/** Sooner or later every member that runs knows these voters. */
async function agree(running: TestCluster, expected: readonly number[]): Promise<void> {
  for (const { node } of running.members.values())
    await expect.poll(() => voters(node.members()), { timeout: 60_000 }).toEqual(expected);
}

/** Writes all the time, through all members, and knows at the end what must be there. */
class Load {
  readonly acknowledged: string[] = [];
  readonly #running: TestCluster;
  #going = true;
  #number = 0;
  readonly #done: Promise<unknown>;

  constructor(running: TestCluster) {
    this.#running = running;
    this.#done = Promise.all(Array.from({ length: 4 }, () => this.#work()));
  }

  async #work(): Promise<void> {
    while (this.#going) {
      const members = [...this.#running.members.values()];
      const text = `w${++this.#number}`;
      const { node } = members[this.#number % members.length]!;
      try {
        await node.propose(Buffer.from(text), { timeoutMs: 2_000 });
        this.acknowledged.push(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ProposalError);
        await delay(5);
      }
    }
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#done;
  }

  /** On every member that is left: nothing lost, nothing twice. */
  async check(): Promise<void> {
    while (this.acknowledged.length < 100) await delay(10);
    await this.stop();
    const lists: string[][] = [];
    const { node } = await this.#running.leading();
    for (const { id } of node.members()) {
      const member = this.#running.members.get(id);
      if (!member) continue;
      await member.node.readBarrier(within);
      lists.push(member.machine.items);
    }
    for (const items of lists) {
      expect(new Set(items).size).toBe(items.length);
      const present = new Set(items);
      expect(this.acknowledged.filter((text) => !present.has(text))).toEqual([]);
    }
  }
}

test('one member becomes three, then five, then three again, under load', async () => {
  cluster = await TestCluster.create(1, options);
  await cluster.startAll();
  load = new Load(cluster);
  for (const id of [2, 3, 4, 5]) await grow(cluster, id);
  await agree(cluster, [1, 2, 3, 4, 5]);
  for (const id of [1, 4]) {
    const left = await change(cluster, { type: 'remove', id });
    expect(voters(left)).not.toContain(id);
    await cluster.stop(id);
  }
  await load.check();
  await agree(cluster, [2, 3, 5]);
});

test('a dead voter is replaced in one step, under load, and the membership survives a restart of all', async () => {
  cluster = await TestCluster.create(3, options);
  await cluster.startAll();
  const leader = await cluster.leader();
  const dead = leader === 3 ? 2 : 3;
  load = new Load(cluster);
  await cluster.stop(dead);
  const by = await cluster.announce(4);
  await cluster.start(4);
  const members = await change(cluster, { type: 'replace', id: dead, by });
  const expected = [1, 2, 3, 4].filter((id) => id !== dead);
  expect(voters(members)).toEqual(expected);
  await load.check();

  for (const id of expected) await cluster.stop(id);
  for (const id of expected) await cluster.start(id);
  await agree(cluster, expected);
  const { node } = await cluster.leading();
  expect(await node.propose(Buffer.from('after'))).toBeGreaterThan(0);
});

test('a leader removes itself: the others go on, and it knows', async () => {
  cluster = await TestCluster.create(3, options);
  await cluster.startAll();
  const first = await cluster.leader();
  load = new Load(cluster);
  const { node } = cluster.members.get(first)!;
  const members = await node.changeMembership({ type: 'remove', id: first }, within);
  expect(voters(members)).toEqual([1, 2, 3].filter((id) => id !== first));
  expect((await node.status()).role).toBe('removed');
  await cluster.stop(first);
  expect(await cluster.leader()).not.toBe(first);
  await load.check();
});

test('a member moves to another address', async () => {
  cluster = await TestCluster.create(3, options);
  await cluster.startAll();
  const moved = (await cluster.leader()) === 3 ? 2 : 3;
  await cluster.stop(moved);
  const { address } = await cluster.announce(moved);
  await cluster.start(moved);
  const members = await change(cluster, { type: 'update-address', id: moved, address });
  expect(members.find(({ id }) => id === moved)!.address).toBe(address);
  const { node, machine } = cluster.members.get(moved)!;
  await (await cluster.leading()).node.propose(Buffer.from('a'));
  await machine.until((items) => items.includes('a'));
  expect(node.members().find(({ id }) => id === moved)!.address).toBe(address);
});

test('a change is refused on any member with the reason', async () => {
  cluster = await TestCluster.create(3, options);
  await cluster.startAll();
  const leader = await cluster.leader();
  const follower = cluster.follower(leader);
  for (const { node } of [cluster.members.get(leader)!, follower]) {
    await expect(node.changeMembership({ type: 'remove', id: 9 }, within)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('there is no member 9'),
    });
    const member = cluster.peers[1]!;
    await expect(node.changeMembership({ type: 'add-learner', member }, within)).rejects.toMatchObject({
      code: 'refused',
      message: 'member 2 is already a member',
    });
  }
  const other = [1, 2, 3].find((id) => id !== leader)!;
  const third = [1, 2, 3].find((id) => id !== leader && id !== other)!;
  await cluster.stop(third);
  const running = cluster;
  const silent = async () => {
    const { peers } = await (await running.leading()).node.status();
    return peers.some(({ id, active }) => id === third && !active);
  };
  // It counts as silent once an election timeout has passed without an answer.
  await expect.poll(silent, { timeout: 60_000 }).toBe(true);
  const { node } = await cluster.leading();
  await expect(node.changeMembership({ type: 'remove', id: other }, within)).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining(`bring back member ${third} first`),
  });
});

test('a member that was removed while it was away is told when it is back, and disturbs nobody', async () => {
  cluster = await TestCluster.create(3, options);
  await cluster.startAll();
  const leader = await cluster.leader();
  const away = leader === 3 ? 2 : 3;
  await cluster.stop(away);
  expect(voters(await change(cluster, { type: 'remove', id: away }))).not.toContain(away);
  const { term } = await (await cluster.leading()).node.status();
  const { node } = await cluster.start(away);
  await expect.poll(async () => (await node.status()).role, { timeout: 60_000 }).toBe('removed');
  expect((await (await cluster.leading()).node.status()).term).toBe(term);
});
