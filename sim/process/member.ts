/**
 * One simulated member: a disk and, while it runs, a process of two threads. Both run production code: the API thread has the store and
 * `ThreadedRaftNode`, the Raft thread what raft-thread.ts says.
 */
import type { Logger } from '../../src/lib/logger.ts';
import { storageErrorReason } from '../../src/raft/log-storage.ts';
import { ThreadedRaftNode } from '../../src/raft/raft-node.ts';
import type { StateMachine } from '../../src/raft/types.ts';
import { type ApplyResult, type CreatedStore, createStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/types.ts';
import { Violation } from '../checkers/violation.ts';
import { Disk } from '../disk/disk.ts';
import { drainMicrotasks } from '../runtime/globals.ts';
import { Lane, type LaneOwner, type SkewedClock } from '../runtime/lane.ts';
import type { World } from '../world.ts';
import { Port } from './port.ts';
import { RaftThread } from './raft-thread.ts';

export const clusterId = 'simulated';
export const dataDir = '/data';

const quiet = () => undefined;
const logger = {
  info: quiet,
  warn: quiet,
  error: quiet,
  fatal: quiet,
  debug: quiet,
  trace: quiet,
} as unknown as Logger;

/** One life of the process. */
export interface Life {
  readonly raft: Lane;
  readonly api: Lane;
  readonly thread: RaftThread;
  readonly node: ThreadedRaftNode<ApplyResult>;
  readonly store: Store;
  readonly machine: StateMachine<ApplyResult>;
  /** Clients may call. */
  serving: boolean;
}

export class Member implements LaneOwner {
  readonly id: number;
  readonly world: World;
  readonly disk = new Disk();
  readonly clock: SkewedClock;
  life: Life | undefined;
  appliedIndex = 0;
  /** Up to here its history came with a snapshot. */
  restoredRevision = 0;
  /** A nemesis has damaged its disk: it may refuse to start. */
  damaged = false;
  /** It found the damage and ended. */
  retired = false;
  borderDelayMs = 0;
  /** It comes to a cluster that exists. */
  joins = false;
  /** It was used as a new member once; a member does not come back under the same id. */
  hasJoined = false;
  readonly #crashListeners = new Set<() => void>();

  constructor(id: number, world: World, clock: SkewedClock) {
    this.id = id;
    this.world = world;
    this.clock = clock;
  }

  get running(): boolean {
    return this.life !== undefined;
  }

  get raftSide(): { id: number; world: World; lane: Lane } {
    return { id: this.id, world: this.world, lane: this.life!.raft };
  }

  /** The process starts. */
  start(): void {
    const { world } = this;
    const lane = (name: string) => new Lane(this, name, world.events, this.clock, drainMicrotasks);
    const [raft, api] = [lane('raft'), lane('api')];
    const port = new Port(raft, api, () => (this.borderDelayMs === 0 ? 0 : world.prng.integer(0, this.borderDelayMs)));
    const { prng, scenario } = world;
    if (scenario.busyApi) api.immediateLagMs = () => (prng.chance(0.3) ? prng.integer(1, 25) : 0);
    const origin = world.nextOrigin();
    this.appliedIndex = 0;
    this.restoredRevision = 0;
    const thread = new RaftThread(this, port, origin);
    api.enter(() => {
      const created = createStore({
        quota: { bytes: 1 << 30, heapBytes: 1 << 30 },
        randomId: () => BigInt(world.prng.uint32()) + 1n,
      });
      const machine = this.#watched(created);
      const options = {
        clusterId,
        memberId: this.id,
        members: world.peers,
        join: this.joins,
        dataDir,
        listen: { host: '', port: 0 },
        tls: { caFile: '', certFile: '', keyFile: '', peerOrganization: '' },
        snapshotEveryEntries: world.scenario.snapshotEveryEntries,
        keptEntries: world.scenario.keptEntries,
        onFatal: (error: Error) => this.failed(api, error),
      };
      const node = new ThreadedRaftNode(port.forApi, origin, options, machine, logger);
      created.attach(node);
      // As src/server does: who leads ends leases.
      let leading: AbortController | undefined;
      node.onLeadership(({ isLeader, term }) => {
        leading?.abort();
        leading = isLeader ? new AbortController() : undefined;
        if (leading) created.startLeaseKeeper({ term, signal: leading.signal });
      });
      const life: Life = { raft, api, thread, node, store: created.store, machine, serving: false };
      this.life = life;
      node.started.then(
        () => {
          life.serving = true;
        },
        (error: unknown) => this.failed(api, error),
      );
    });
    raft.enter(() => {
      thread.start().catch((error: unknown) => this.failed(raft, error));
    });
  }

  /** The power fails: what was not synced is gone, or a part of it. */
  crash(): void {
    this.#end();
    this.disk.powerFailure(this.world.prng);
    this.world.consensus.durable(this.id).crashed();
  }

  #end(): void {
    this.life?.raft.kill();
    this.life?.api.kill();
    this.life = undefined;
    const listeners = [...this.#crashListeners];
    this.#crashListeners.clear();
    for (const listener of listeners) listener();
  }

  /** Both threads stand still, as with SIGSTOP. */
  pause(durationMs: number): void {
    this.life?.raft.stall(durationMs);
    this.life?.api.stall(durationMs);
  }

  /** As a garbage collection in the API thread does. */
  pauseApi(durationMs: number): void {
    this.life?.api.stall(durationMs);
  }

  onCrash(listener: () => void): () => void {
    this.#crashListeners.add(listener);
    return () => this.#crashListeners.delete(listener);
  }

  /** Runs where the Raft thread of the present life is; not at all while there is none. */
  onRaftLane(run: (thread: RaftThread) => void): void {
    const { life } = this;
    life?.raft.enter(() => run(life.thread));
  }

  afterTurn(lane: Lane): void {
    const core = this.life?.thread.loop?.core;
    if (core && lane === this.life!.raft) this.world.consensus.observe(this.id, core);
  }

  failed(lane: Lane, error: unknown): void {
    if (lane.dead) return;
    if (!(error instanceof Violation) && this.damaged && storageErrorReason(error) === 'corrupt') {
      // It found what a nemesis did to its disk, and ends as it must. Nobody starts it again in this run.
      this.world.note(() => `member ${this.id} found the damage and ends: ${(error as Error).message}`);
      this.retired = true;
      this.#end();
      return;
    }
    this.world.fail(error);
  }

  /** The store's state machine, with the checkers looking at everything that goes in and comes out. */
  #watched({ stateMachine, store }: CreatedStore): StateMachine<ApplyResult> {
    const { consensus, model } = this.world;
    return {
      apply: (entry) => {
        consensus.applied(this.id, this.appliedIndex, entry);
        const result = stateMachine.apply(entry);
        this.appliedIndex = entry.index;
        model.applied(this.id, entry.index, entry.term, entry.command, result, store.revision, store.stateHash().hash);
        return result;
      },
      applied: (lastIndex) => stateMachine.applied(lastIndex),
      snapshot: () => stateMachine.snapshot(),
      restore: async (chunks, index) => {
        if (index < this.appliedIndex)
          this.world.violation(
            'apply order',
            `member ${this.id} restored a snapshot at ${index} after ${this.appliedIndex}`,
          );
        await stateMachine.restore(chunks, index);
        this.appliedIndex = index;
        this.restoredRevision = store.revision;
        model.restored(this.id, index, store.revision, store.stateHash().hash);
        this.world.note(() => `member ${this.id} restored a snapshot at entry ${index}`);
      },
    };
  }
}
