/** For tests: members of one cluster in this process, over real TLS on the loopback interface and real disks, replicating a list of strings. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, silentLogger } from '../lib/logger.ts';
import { startRaftNode } from './index.ts';
import { createTestCa } from './test-certificates.ts';
import type { PeerTls } from './transport/channel.ts';
import type { CommittedEntry, Leadership, RaftNode, RaftNodeOptions, RaftPeer, StateMachine } from './types.ts';

export class ListMachine implements StateMachine<number> {
  items: string[] = [];
  restoredFrom = 0;
  snapshots = 0;
  #watchers = new Set<() => void>();

  apply({ command }: CommittedEntry): number {
    if (command.length > 0) this.items.push(Buffer.from(command).toString());
    return this.items.length;
  }

  applied(): void {
    for (const watcher of this.#watchers) watcher();
  }

  snapshot(): Iterable<Uint8Array> {
    this.snapshots++;
    const items = this.items.slice();
    return items.length === 0 ? [] : [Buffer.from(JSON.stringify(items))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>, index: number): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(Buffer.from(chunk));
    this.items = parts.length === 0 ? [] : (JSON.parse(Buffer.concat(parts).toString()) as string[]);
    this.restoredFrom = index;
    this.applied();
  }

  /** Resolves when the condition holds; checked after every batch. */
  until(condition: (items: readonly string[]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition(this.items)) return;
        this.#watchers.delete(check);
        resolve();
      };
      this.#watchers.add(check);
      check();
    });
  }
}

export interface TestMember {
  readonly node: RaftNode<number>;
  readonly machine: ListMachine;
}

/** An address of this process alone, where the system has more than one for itself: a port found free there stays free. */
const host =
  process.platform === 'linux'
    ? `127.${64 + (process.pid >> 16)}.${(process.pid >> 8) & 255}.${process.pid & 255}`
    : '127.0.0.1';

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, host, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export class TestCluster {
  readonly dir: string;
  readonly members = new Map<number, TestMember>();
  readonly fatal: Error[] = [];
  readonly peers: RaftPeer[] = [];
  readonly tls = new Map<number, PeerTls>();
  readonly #options: Partial<RaftNodeOptions>;
  readonly #ca: Awaited<ReturnType<typeof createTestCa>>;
  #initialSize = 0;

  private constructor(
    options: Partial<RaftNodeOptions>,
    dir: string,
    ca: Awaited<ReturnType<typeof createTestCa>>,
    size: number,
  ) {
    this.#options = options;
    this.dir = dir;
    this.#ca = ca;
    this.#initialSize = size;
  }

  static async create(size: number, options: Partial<RaftNodeOptions> = {}): Promise<TestCluster> {
    const dir = mkdtempSync(join(tmpdir(), 'trimast-raft-'));
    const cluster = new TestCluster(options, dir, await createTestCa(join(dir, 'tls')), size);
    for (let id = 1; id <= size; id++) await cluster.announce(id);
    return cluster;
  }

  /** Gives a member an address and a certificate. Beyond the initial size it joins when it is started. */
  async announce(id: number): Promise<RaftPeer> {
    const peer = { id, name: `m${id}`, address: `${host}:${await freePort()}` };
    this.peers[id - 1] = peer;
    this.tls.set(id, await this.#ca.issue(`m${id}`, 'trimast:masters'));
    return peer;
  }

  async start(id: number): Promise<TestMember> {
    const machine = new ListMachine();
    const options: RaftNodeOptions = {
      clusterId: 'test',
      memberId: id,
      members: id > this.#initialSize ? [this.peers[id - 1]!] : this.peers.slice(0, this.#initialSize),
      join: id > this.#initialSize,
      dataDir: join(this.dir, `m${id}`),
      listen: { host, port: Number(this.peers[id - 1]!.address.split(':')[1]) },
      tls: this.tls.get(id)!,
      onFatal: (error) => this.fatal.push(error),
      ...this.#options,
    };
    const node = await startRaftNode(
      options,
      machine,
      process.env.RAFT_TEST_LOG ? createLogger(`m${id}`) : silentLogger,
    );
    const member = { node, machine };
    this.members.set(id, member);
    return member;
  }

  async startAll(): Promise<void> {
    await Promise.all(this.peers.slice(0, this.#initialSize).map(({ id }) => this.start(id)));
  }

  async stop(id: number): Promise<void> {
    await this.members.get(id)?.node.stop();
    this.members.delete(id);
  }

  /** Resolves with the leader's id once a member that runs leads. */
  leader(): Promise<number> {
    return new Promise((resolve) => {
      const ends: (() => void)[] = [];
      const settle = (id: number) => {
        for (const end of ends) end();
        resolve(id);
      };
      for (const [id, { node }] of this.members) {
        if (node.leadership().isLeader) return settle(id);
        ends.push(node.onLeadership(({ isLeader }: Leadership) => isLeader && settle(id)));
      }
    });
  }

  /** The member that leads now. */
  async leading(): Promise<TestMember> {
    return this.members.get(await this.leader())!;
  }

  /** Some member that runs and does not lead. */
  follower(leaderId: number): TestMember {
    for (const [id, member] of this.members) if (id !== leaderId) return member;
    throw new Error('no follower runs');
  }

  async close(): Promise<void> {
    await Promise.all([...this.members.keys()].map((id) => this.stop(id)));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
