/**
 * The Raft thread: disk, network and timers around the node loop. It never waits for the API thread, so a long task there delays no
 * heartbeat; but a leader whose API thread or disk stops making progress gives leadership away.
 *
 * Errors that reach the top end the thread; the API thread then ends the process.
 */
import { join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { assert } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import { emptyConfiguration, initialConfiguration } from './core/configuration.ts';
import { decodePack, encodePack } from './entry-codec.ts';
import { type Application, NodeLoop } from './node.ts';
import { RocksLogStorage } from './rocks-log-storage.ts';
import { defaultScrubBytesPerSecond, Scrubber, scrubPauseMs } from './scrubber.ts';
import { Silence } from './silence.ts';
import { removeOtherSnapshots, removeUnknownSnapshots } from './snapshot-file.ts';
import type { FromWorker, Log, ToWorker, WorkerData } from './thread-messages.ts';
import { GrpcTransport } from './transport/grpc-transport.ts';

const tickMs = 10;
/** After a pause of this process at most this many ticks are made up for, so that what peers sent meanwhile is seen first. */
const maxCatchUpTicks = 3;
const pingIntervalMs = 250;
/** Of a process before this one that was killed and still waits for its disk. */
const inUseTimeoutMs = 30_000;
/** A leader whose API thread is silent for this long, while this thread runs, gives leadership away. */
const apiStallMs = 2_000;

function post(port: MessagePort, message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function portLog(port: MessagePort): Log {
  const write = (level: keyof Log) => (fields: object, message: string) =>
    post(port, { type: 'log', level, fields, message });
  return { info: write('info'), warn: write('warn'), error: write('error') };
}

function portApplication(port: MessagePort): Application {
  return {
    committed(entries) {
      const pack = encodePack(entries).buffer;
      post(port, { type: 'committed', pack }, [pack]);
    },
    restore: (snapshot) => post(port, { type: 'restore', snapshot }),
    proposalsFailed: (failures) => post(port, { type: 'failed', failures }),
    readsReady: (reads, index) =>
      post(port, { type: 'reads-ready', requestIds: reads.map((read) => read.requestId), index }),
    readsFailed: (reads, message) =>
      post(port, { type: 'reads-failed', requestIds: reads.map((read) => read.requestId), message }),
    leadership: (term, leaderId) => post(port, { type: 'leadership', term, leaderId }),
    removed: () => post(port, { type: 'removed' }),
  };
}

/** Resolves with the first message of that type; what comes before belongs to nobody yet. */
function firstMessage(port: MessagePort, type: ToWorker['type']): Promise<void> {
  return new Promise((resolve) => {
    const listener = (message: ToWorker) => {
      if (message.type !== type) return;
      port.off('message', listener);
      resolve();
    };
    port.on('message', listener);
  });
}

/** What a turn of the event loop brings first is dealt with at once: often it is all. What comes after it in the same turn waits for the turn's end. */
function turnScheduler(): (callback: () => void) => void {
  let begun = false;
  const ended = () => {
    begun = false;
  };
  return (callback) => {
    if (begun) {
      setImmediate(callback);
      return;
    }
    begun = true;
    setImmediate(ended);
    queueMicrotask(callback);
  };
}

/** The error reaches the top, and with it the API thread. */
function endThread(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

async function run(port: MessagePort, options: WorkerData): Promise<void> {
  const { clusterId, memberId, members, dataDir, listen, tls, origin } = options;
  const log = portLog(port);
  const storage = await RocksLogStorage.open(
    join(dataDir, 'log'),
    { clusterId, memberId },
    { inUseTimeoutMs, writerUrl: options.logWriterHref === undefined ? undefined : new URL(options.logWriterHref) },
  );
  await removeUnknownSnapshots(dataDir, storage.snapshot());
  const ready = firstMessage(port, 'restored');
  const commitIndex = Math.max(storage.hardState().commit, storage.snapshot().index);
  const initial = options.join ? emptyConfiguration : initialConfiguration(members);
  const configuration = storage.snapshot().configuration ?? initial;
  post(port, { type: 'opened', snapshot: storage.snapshot(), commitIndex, configuration });
  await ready;

  const cleanUp = () => {
    removeOtherSnapshots(dataDir, storage.snapshot()).catch((error: Error) =>
      log.warn({ reason: error.message }, 'old snapshots could not be removed'),
    );
  };
  const transport = new GrpcTransport({
    clusterId,
    memberId,
    self: members.find(({ id }) => id === memberId) ?? {
      name: `member ${memberId}`,
      address: `${listen.host}:${listen.port}`,
    },
    tls,
    dataDir,
    snapshotBytesPerSecond: options.snapshotBytesPerSecond,
    logger: log,
    onReceived: (from, { messages, forwards, refusals }) => {
      loop.receive(messages);
      for (const forward of forwards) loop.receiveForward(from, forward);
      for (const refusal of refusals) loop.receiveRefusal(refusal);
    },
    onPeerLost: (id) => loop.peerLost(id),
    onPeerGone: (id) => loop.peerGone(id),
    onRemoved: (configurationIndex) => loop.removed(configurationIndex),
    onCorrupt: endThread,
  });
  const loop = new NodeLoop({
    memberId,
    configuration: initial,
    autopilotStableMs: options.autopilotStableMs,
    tickMs,
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? 50,
    electionTimeoutMs: options.electionTimeoutMs ?? [150, 300],
    keptEntries: options.keptEntries ?? 5_000,
    origin,
    prng: new Prng(origin % 2 ** 32),
    storage,
    transport,
    application: portApplication(port),
    nowMs: () => performance.now(),
    schedule: turnScheduler(),
    later: (callback, delayMs) => setTimeout(callback, delayMs),
    onCompacted: cleanUp,
  });
  const scrubber = new Scrubber({
    log: storage,
    dataDir,
    bytesPerSecond: defaultScrubBytesPerSecond,
    pauseMs: options.scrubPauseMs ?? scrubPauseMs,
    onDamage: endThread,
  });
  const silence = new Silence(pingIntervalMs, performance.now());
  let ticker: NodeJS.Timeout | undefined;
  let pinger: NodeJS.Timeout | undefined;
  const stop = async () => {
    clearInterval(ticker);
    clearInterval(pinger);
    scrubber.stop();
    loop.stop();
    transport.stop();
    port.close();
    await storage.close();
    // Ends this thread only; a connection that is still being made must not keep it.
    process.exit(0);
  };

  port.on('message', (message: ToWorker) => {
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
      case 'transfer': {
        const begun = loop.transferLeadership(message.target);
        post(port, { type: 'transfer-begun', requestId: message.requestId, begun });
        break;
      }
      case 'status':
        post(port, { type: 'status', requestId: message.requestId, status: loop.status() });
        break;
      case 'pong':
        silence.answered();
        break;
      case 'stop':
        stop().catch((error: unknown) => setImmediate(() => Promise.reject(error)));
        break;
    }
  });

  await transport.start(listen.host, listen.port);
  let lastTickMs = performance.now();
  ticker = setInterval(() => {
    const dueTicks = Math.floor((performance.now() - lastTickMs) / tickMs);
    lastTickMs += dueTicks * tickMs;
    for (let count = 0; count < Math.min(dueTicks, maxCatchUpTicks); count++) loop.tick();
  }, tickMs);
  silence.answered();
  pinger = setInterval(() => {
    post(port, { type: 'ping' });
    const { core } = loop;
    const transferring = core.transferring;
    const stalled = loop.checkProgress(silence.asked(performance.now()), apiStallMs);
    if (stalled && core.transferring && !transferring)
      log.error({ stalled }, 'no progress on this leader: it gives leadership away');
  }, pingIntervalMs);
  post(port, { type: 'listening' });
}

assert(parentPort, 'worker.ts runs as a worker thread only');
await run(parentPort, workerData as WorkerData);
