/**
 * The Raft thread of a simulated member: what `src/raft/worker.ts` does, with the simulated network in place of gRPC. The node loop, the log,
 * the snapshot files and the messages' wire form are the production's.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { RaftMessageSchema } from '../../src/gen/trimast/raft/v1/raft_pb.ts';
import { Prng } from '../../src/lib/prng.ts';
import { emptyConfiguration, initialConfiguration } from '../../src/raft/core/configuration.ts';
import type { Configuration, Message } from '../../src/raft/core/types.ts';
import { decodePack, encodePack, encodeProposals } from '../../src/raft/entry-codec.ts';
import { type Application, type Forward, NodeLoop, type PeerSet, type Transport } from '../../src/raft/node.ts';
import { RocksLogStorage } from '../../src/raft/rocks-log-storage.ts';
import { Silence } from '../../src/raft/silence.ts';
import {
  readSnapshot,
  removeOtherSnapshots,
  removeUnknownSnapshots,
  SnapshotWriter,
  snapshotPath,
} from '../../src/raft/snapshot-file.ts';
import type { ToWorker } from '../../src/raft/thread-messages.ts';
import { decodeBatch, encodeBatch } from '../../src/raft/transport/batch-codec.ts';
import { messageFromWire, messageToWire } from '../../src/raft/transport/message-codec.ts';
import { clusterId, dataDir, type Member } from './member.ts';
import type { Port } from './port.ts';

const tickMs = 20;
const maxCatchUpTicks = 3;
const pingIntervalMs = 250;
const apiStallMs = 2_000;

export class RaftThread {
  readonly #member: Member;
  readonly #port: Port;
  readonly #origin: number;
  loop: NodeLoop | undefined;
  #silence = new Silence(pingIntervalMs, 0);
  #transfers = 0;
  #known: PeerSet = { peers: [], configurationIndex: 0 };

  constructor(member: Member, port: Port, origin: number) {
    this.#member = member;
    this.#port = port;
    this.#origin = origin;
  }

  async start(): Promise<void> {
    const { id, world } = this.#member;
    const port = this.#port;
    const storage = await RocksLogStorage.open(`${dataDir}/log`, { clusterId, memberId: id });
    world.consensus.durable(id).observe(storage, (term, vote) => world.consensus.voted(id, term, vote));
    world.consensus.started(id);
    await removeUnknownSnapshots(dataDir, storage.snapshot());
    const commitIndex = Math.max(storage.hardState().commit, storage.snapshot().index);
    const initial = this.#member.joins ? emptyConfiguration : initialConfiguration(world.peers);
    const configuration = storage.snapshot().configuration ?? initial;
    port.post({ type: 'opened', snapshot: storage.snapshot(), commitIndex, configuration });
    port.onRaftMessage = (message) => {
      if (message.type === 'restored') this.#run(storage, initial);
    };
  }

  #run(storage: RocksLogStorage, initial: Configuration): void {
    const { id, world, lane } = this.#member.raftSide;
    const { scenario } = world;
    const cleanUp = () => this.#inBackground(removeOtherSnapshots(dataDir, storage.snapshot()));
    const loop = new NodeLoop({
      memberId: id,
      configuration: initial,
      autopilotStableMs: scenario.autopilotStableMs,
      tickMs,
      heartbeatIntervalMs: 50,
      electionTimeoutMs: [150, 300],
      keptEntries: scenario.keptEntries,
      limits: scenario.limits,
      origin: this.#origin,
      prng: new Prng(this.#origin % 2 ** 32),
      storage,
      transport: this.#transport(),
      application: this.#application(),
      nowMs: () => performance.now(),
      schedule: (callback) => setImmediate(callback),
      later: (callback, delayMs) => setTimeout(callback, delayMs),
      onCompacted: cleanUp,
    });
    this.loop = loop;
    this.#port.onRaftMessage = (message) => this.#receive(message, cleanUp);
    let lastTickMs = performance.now();
    setInterval(() => {
      const dueTicks = Math.floor((performance.now() - lastTickMs) / tickMs + 1e-6);
      lastTickMs += dueTicks * tickMs;
      for (let count = 0; count < Math.min(dueTicks, maxCatchUpTicks); count++) loop.tick();
    }, tickMs);
    this.#silence = new Silence(pingIntervalMs, performance.now());
    setInterval(() => this.#ping(loop), pingIntervalMs);
    this.#port.post({ type: 'listening' });
    world.note(() => `member ${id} runs (term ${loop.core.term}, log to ${storage.lastIndex()}, lane ${lane.name})`);
  }

  #ping(loop: NodeLoop): void {
    this.#port.post({ type: 'ping' });
    loop.checkProgress(this.#silence.asked(performance.now()), apiStallMs);
  }

  /** From a peer. */
  receive(messages: readonly Message[]): void {
    this.loop?.receive(messages);
  }

  // --- the border to the API thread ---

  #receive(message: ToWorker, cleanUp: () => void): void {
    const loop = this.loop!;
    switch (message.type) {
      case 'propose': {
        const nowMs = performance.now();
        const proposed = decodePack(new Uint8Array(message.pack));
        loop.propose(
          proposed.map((one, position) => ({ proposed: one, deadlineMs: nowMs + message.timeoutsMs[position]! })),
        );
        break;
      }
      case 'read':
        loop.read({ requestId: message.requestId, deadlineMs: performance.now() + message.timeoutMs });
        break;
      case 'applied':
        loop.applied(message.index);
        break;
      case 'restored':
        loop.restored(message.index);
        cleanUp();
        break;
      case 'snapshot-taken':
        loop.snapshotTaken(message.snapshot);
        break;
      case 'transfer':
        this.#port.post({
          type: 'transfer-begun',
          requestId: message.requestId,
          begun: loop.transferLeadership(message.target),
        });
        break;
      case 'pong':
        this.#silence.answered();
        break;
      default:
        break;
    }
  }

  #application(): Application {
    const port = this.#port;
    return {
      committed: (entries) => port.post({ type: 'committed', pack: encodePack(entries).buffer }),
      restore: (snapshot) => port.post({ type: 'restore', snapshot }),
      proposalsFailed: (failures) => {
        this.#member.world.proposalsFailed(this.#origin, failures);
        port.post({ type: 'failed', failures });
      },
      readsReady: (reads, index) =>
        port.post({ type: 'reads-ready', requestIds: reads.map((read) => read.requestId), index }),
      readsFailed: (reads, message) =>
        port.post({ type: 'reads-failed', requestIds: reads.map((read) => read.requestId), message }),
      leadership: (term, leaderId) => port.post({ type: 'leadership', term, leaderId }),
      removed: () => port.post({ type: 'removed' }),
    };
  }

  // --- the network ---

  #transport(): Transport {
    const { world, id } = this.#member;
    const { network, consensus, nemesis, scenario } = world;
    const toPeer = (to: number, once: boolean, arrive: (peer: RaftThread) => void) => {
      const { configurationIndex } = this.#known;
      network.deliver(id, to, once, () =>
        world.member(to)?.onRaftLane((peer) => {
          if (peer.#hears(id, configurationIndex)) arrive(peer);
        }),
      );
    };
    return {
      setPeers: (set) => {
        this.#known = set;
      },
      send: (to, messages) => {
        for (const message of messages) {
          consensus.sent(id, message, world.member(to)?.life?.thread.loop?.core);
          nemesis.sent(this.#member, message);
        }
        // What travels together arrives together, unless the network tears it apart.
        const parts = scenario.network.reorders ? messages.map((message) => [message]) : [messages];
        for (const part of parts) {
          const framed = scenario.framed ? batchOverTheWire(part, id, to) : part;
          toPeer(to, false, (peer) => peer.receive(framed));
        }
      },
      forward: (to, forward) => {
        if (network.isCut(id, to)) return false;
        const sent: Forward = scenario.framed
          ? { ...forward, proposals: decodePack(encodeProposals(forward.proposals)) }
          : forward;
        toPeer(to, true, (peer) => peer.loop?.receiveForward(id, sent));
        return true;
      },
      refuse: (to, refusal) => {
        const tell = () => toPeer(to, true, (peer) => peer.loop?.receiveRefusal(refusal));
        tell();
        nemesis.refusing(world.member(to)!, tell);
      },
      flush: () => undefined,
      sendSnapshot: (to, message, done) => this.#sendSnapshot(to, message, done),
    };
  }

  /** What the listener of a real member does with a caller that is not among its peers. */
  #hears(from: number, configurationIndex: number): boolean {
    const { world, id } = this.#member;
    const known = this.#known;
    if (!this.loop) return false;
    if (known.peers.some((peer) => peer.id === from) || configurationIndex >= known.configurationIndex) return true;
    world.network.deliver(id, from, true, () =>
      world.member(from)?.onRaftLane((caller) => caller.loop?.removed(known.configurationIndex)),
    );
    return false;
  }

  #sendSnapshot(to: number, message: Message, done: (ok: boolean) => void): void {
    const { world, id, raftSide } = this.#member;
    let ended = false;
    const end = (ok: boolean) => {
      if (ended) return;
      ended = true;
      done(ok);
    };
    // Whatever becomes of it, the transfer ends.
    raftSide.lane.at(world.prng.integer(300, 1_500), () => end(false));
    const send = async () => {
      const meta = message.snapshot!;
      const chunks: Buffer[] = [];
      for await (const chunk of readSnapshot(snapshotPath(dataDir, meta), meta)) chunks.push(Buffer.from(chunk));
      world.network.deliver(id, to, true, () =>
        world.member(to)?.onRaftLane((peer) => {
          peer.#inBackground(
            peer.#install(id, message, chunks).then((installed) => {
              world.network.deliver(to, id, true, () =>
                this.#member.onRaftLane((own) => own === this && end(installed)),
              );
            }),
          );
        }),
      );
    };
    this.#inBackground(send().catch(() => end(false)));
  }

  async #install(from: number, message: Message, chunks: readonly Buffer[], again = false): Promise<boolean> {
    const writer = await SnapshotWriter.create(dataDir, message.snapshot!, `from-${from}-${++this.#transfers}`);
    for (const chunk of chunks) await writer.write(chunk);
    await writer.finish();
    // It may come twice, and late.
    const { world, raftSide } = this.#member;
    if (!again && world.faults && world.prng.chance(0.4))
      raftSide.lane.at(world.prng.integer(50, 900), () =>
        this.#inBackground(this.#install(from, message, chunks, true)),
      );
    this.loop?.receive([overTheWire(message, from, this.#member.id)]);
    return true;
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#member.failed(this.#member.raftSide.lane, error));
  }
}

function batchOverTheWire(messages: readonly Message[], from: number, to: number): readonly Message[] {
  const bytes = encodeBatch({ messages, forwards: [], refusals: [] });
  // A copy: what arrives later must not see what is encoded next.
  return decodeBatch(Buffer.from(bytes), from, to)!.messages;
}

/** The header of a snapshot transfer. */
function overTheWire(message: Message, from: number, to: number): Message {
  const bytes = toBinary(RaftMessageSchema, create(RaftMessageSchema, messageToWire(message)));
  return messageFromWire(fromBinary(RaftMessageSchema, bytes), from, to)!;
}
