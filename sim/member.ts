/** One simulated member: the production node loop over a simulated disk and network, with a list as its state machine. */
import { Prng } from '../src/lib/prng.ts';
import { initialConfiguration } from '../src/raft/core/configuration.ts';
import type { Entry, SnapshotMeta } from '../src/raft/core/types.ts';
import { MemoryLogStorage } from '../src/raft/memory-log-storage.ts';
import { type Application, NodeLoop, type Transport } from '../src/raft/node.ts';
import type { World } from './world.ts';

const tickMs = 10;
const snapshotEveryEntries = 25;
const keptEntries = 8;

interface Proposal {
  readonly command: string;
}

export class Member {
  readonly id: number;
  readonly #world: World;
  readonly #storage: MemoryLogStorage;
  /** Snapshot files: synced before they have their name. */
  readonly files = new Map<string, readonly string[]>();
  /** Counts the lives of the process; what an earlier life started must not go on. */
  life = 0;
  loop: NodeLoop | undefined;
  items: string[] = [];
  appliedIndex = 0;
  #lastSnapshot = 0;
  #sequence = 0;
  #origin = 0;
  readonly #proposals = new Map<number, Proposal>();
  readonly #reads = new Map<number, { floor: number }>();
  #waitingReads: { index: number; floor: number }[] = [];
  #pendingBatches: (readonly Entry[])[] = [];
  diskDelayMs = 1;
  applyDelayMs = 0;

  constructor(id: number, world: World) {
    this.id = id;
    this.#world = world;
    this.#storage = new MemoryLogStorage((finish) => {
      const life = this.life;
      world.events.at(world.prng.integer(0, this.diskDelayMs), () => {
        if (life !== this.life) return;
        finish();
        this.#observe();
      });
    });
  }

  get running(): boolean {
    return this.loop !== undefined;
  }

  start(): void {
    const world = this.#world;
    const life = ++this.life;
    const snapshot = this.#storage.snapshot();
    this.#load(snapshot);
    this.#origin = world.nextOrigin();
    const alive = (run: () => void) => () => {
      if (life !== this.life) return;
      run();
      this.#observe();
    };
    this.loop = new NodeLoop({
      memberId: this.id,
      configuration: initialConfiguration(world.ids.map((id) => ({ id, name: `m${id}`, address: `m${id}:1` }))),
      tickMs,
      heartbeatIntervalMs: 50,
      electionTimeoutMs: [150, 300],
      keptEntries,
      limits: world.limits,
      origin: this.#origin,
      prng: new Prng(world.prng.uint32()),
      storage: this.#storage,
      transport: this.#transport(),
      application: this.#application(alive),
      nowMs: () => world.events.nowMs,
      schedule: (callback) => world.events.at(0, alive(callback)),
      onCompacted: (kept) => {
        for (const name of this.files.keys()) if (Number(name.split('-')[0]) < kept.index) this.files.delete(name);
      },
    });
    const tick = alive(() => {
      this.loop!.tick();
      world.events.at(world.prng.integer(tickMs - 1, tickMs + 2), tick);
    });
    world.events.at(world.prng.integer(0, tickMs), tick);
  }

  /** Power off: what was not synced is gone, or a part of it. */
  crash(): void {
    this.loop?.stop();
    this.loop = undefined;
    this.life++;
    this.#storage.crash(this.#world.prng.integer(0, this.#storage.unsyncedCount));
    // Whoever waited is told nothing: the commands may or may not be committed.
    this.#proposals.clear();
    this.#reads.clear();
    this.#waitingReads = [];
    this.#pendingBatches = [];
  }

  propose(command: string, timeoutMs: number): void {
    const sequence = ++this.#sequence;
    this.#proposals.set(sequence, { command });
    const proposed = { kind: 'command', origin: this.#origin, sequence, command: Buffer.from(command) } as const;
    this.loop!.propose([{ proposed, deadlineMs: this.#world.events.nowMs + timeoutMs }]);
  }

  read(timeoutMs: number): void {
    const requestId = ++this.#sequence;
    this.#reads.set(requestId, { floor: this.#world.checker.acknowledgedIndex });
    this.loop!.read({ requestId, deadlineMs: this.#world.events.nowMs + timeoutMs });
  }

  #observe(): void {
    if (this.loop) this.#world.checker.observe({ id: this.id, core: this.loop.core });
  }

  #load(snapshot: SnapshotMeta): void {
    const items = snapshot.index === 0 ? [] : this.files.get(`${snapshot.index}-${snapshot.term}`);
    if (!items) throw new Error(`member ${this.id} has no file for snapshot ${snapshot.index}-${snapshot.term}`);
    this.items = [...items];
    this.appliedIndex = snapshot.index;
    this.#lastSnapshot = snapshot.index;
  }

  #transport(): Transport {
    const { network } = this.#world;
    const toPeer = (to: number, mayDuplicate: boolean, arrive: (peer: Member) => void) =>
      network.deliver(this.id, to, mayDuplicate, () => {
        const peer = this.#world.member(to);
        if (!peer.loop) return;
        arrive(peer);
        peer.#observe();
      });
    return {
      setPeers: () => undefined,
      send: (to, messages) => {
        for (const message of messages) {
          toPeer(to, true, (peer) => peer.loop!.receive([message]));
          if (message.type === 'vote-response' && !message.reject) this.#world.afterVote(this);
        }
      },
      forward: (to, forward) => {
        if (network.isCut(this.id, to)) return false;
        toPeer(to, false, (peer) => peer.loop!.receiveForward(this.id, forward));
        return true;
      },
      refuse: (to, refusal) => toPeer(to, false, (peer) => peer.loop!.receiveRefusal(refusal)),
      sendSnapshot: (to, message, done) => {
        const { index, term } = message.snapshot!;
        const content = this.files.get(`${index}-${term}`);
        const life = this.life;
        let ok = false;
        if (content)
          toPeer(to, false, (peer) => {
            peer.files.set(`${index}-${term}`, content);
            ok = true;
            peer.loop!.receive([message]);
          });
        this.#world.events.at(this.#world.prng.integer(5, 300), () => {
          if (life === this.life) done(ok);
        });
      },
    };
  }

  #application(alive: (run: () => void) => () => void): Application {
    const { events, checker, prng } = this.#world;
    return {
      committed: (entries) => {
        events.at(
          prng.integer(0, this.applyDelayMs),
          alive(() => this.#apply(entries)),
        );
      },
      restore: (snapshot) => {
        events.at(
          this.applyDelayMs,
          alive(() => {
            // The border is a queue; delays that change must not let an older one come last.
            if (snapshot.index > this.appliedIndex) this.#load(snapshot);
            this.loop!.restored(snapshot.index);
            this.#finishReads();
          }),
        );
      },
      proposalsFailed: (failures) => {
        for (const { sequence, code } of failures) {
          const proposal = this.#proposals.get(sequence);
          this.#proposals.delete(sequence);
          if (proposal && code !== 'unknown') checker.refused(proposal.command);
        }
      },
      readsReady: (reads, index) => {
        for (const { requestId } of reads) {
          const read = this.#reads.get(requestId);
          this.#reads.delete(requestId);
          if (read) this.#waitingReads.push({ index, floor: read.floor });
        }
        this.#finishReads();
      },
      readsFailed: (reads) => {
        for (const { requestId } of reads) this.#reads.delete(requestId);
      },
      removed: () => undefined,
      leadership: (_term, leaderId) => {
        if (leaderId === this.id) this.#world.afterElection(this);
      },
    };
  }

  /** The border is a queue: whatever the delays, batches come in order. */
  #apply(entries: readonly Entry[]): void {
    this.#pendingBatches.push(entries);
    this.#pendingBatches.sort((a, b) => a[0]!.index - b[0]!.index);
    const batches = this.#pendingBatches;
    this.#pendingBatches = [];
    for (const batch of batches) {
      if (batch[0]!.index > this.appliedIndex + 1) {
        this.#pendingBatches.push(batch);
        continue;
      }
      // A snapshot was restored meanwhile that covers it.
      if (batch.at(-1)!.index <= this.appliedIndex) continue;
      for (const entry of batch) this.#applyOne(entry);
      this.loop!.applied(this.appliedIndex);
    }
    this.#finishReads();
    if (this.appliedIndex - this.#lastSnapshot >= snapshotEveryEntries) this.#snapshot();
  }

  #applyOne(entry: Entry): void {
    this.#world.checker.applied(this.id, this.appliedIndex, entry);
    this.appliedIndex = entry.index;
    if (entry.kind === 'command') this.items.push(Buffer.from(entry.command).toString());
    const proposal = entry.origin === this.#origin ? this.#proposals.get(entry.sequence) : undefined;
    if (!proposal) return;
    this.#proposals.delete(entry.sequence);
    this.#world.checker.acknowledged(proposal.command, entry.index);
  }

  #snapshot(): void {
    const index = this.appliedIndex;
    const term = this.loop!.core.log.term(index);
    if (term === undefined) return;
    this.#lastSnapshot = index;
    const items = [...this.items];
    const life = this.life;
    this.#world.events.at(this.#world.prng.integer(1, 50), () => {
      if (life !== this.life) return;
      this.files.set(`${index}-${term}`, items);
      this.loop!.snapshotTaken({ index, term });
    });
  }

  #finishReads(): void {
    this.#waitingReads = this.#waitingReads.filter(({ index, floor }) => {
      if (index > this.appliedIndex) return true;
      this.#world.checker.readDone(this.id, this.appliedIndex, floor);
      return false;
    });
  }
}
