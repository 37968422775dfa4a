/**
 * The node's session with the masters: one stream to one of them at a time, the next one when it breaks. Assignments come in, reports go out.
 * Each new session begins with the status of every pod: meanwhile masters may have written over what was reported.
 * Invariants: a report is forgotten only once it is acknowledged; assignments are resumed from the revision that was taken in; without any
 * master nothing changes on the node.
 */
import { randomUUID } from 'node:crypto';
import type * as grpc from '@grpc/grpc-js';
import type { Node, NodeStatus, PodStatus } from '../../api/generated/types/core-v1.ts';
import type { KubernetesObject } from '../../api/types.ts';
import {
  DispatcherService,
  type SessionResponse,
  type StatusAck,
  StatusUpdate_Kind,
  type Welcome,
} from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Token, TokenAsk } from '../volumes/pod-tokens.ts';
import { Heartbeats } from './heartbeats.ts';
import type { DispatcherClient } from './master-channel.ts';
import { Masters } from './masters.ts';
import { Outbox, type StatusUpdateInit } from './outbox.ts';
import type { WantedChange, WantedSet } from './wanted-set.ts';

/** Reports that come within this time go out together. */
const FLUSH_DELAY_MS = 20;
const WELCOME_TIMEOUT_MS = 5_000;
/** A master that commits nothing for this long is left for another one. */
const ACK_TIMEOUT_MS = 10_000;
const TOKEN_TIMEOUT_MS = 5_000;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;

export interface SessionOptions {
  readonly nodeName: string;
  readonly masters: readonly string[];
  readonly credentials: grpc.ChannelCredentials;
  readonly wanted: WantedSet;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
  /** For each Hello. */
  readonly node: () => Node;
  /** As last reported, of each pod that there is something to say of. */
  readonly podStatuses: () => Iterable<{ readonly pod: PodRef; readonly status: PodStatus }>;
  /** After the wanted set has taken in a message. `complete`: it is now a whole set, confirmed by a master. */
  readonly onChanges: (changes: readonly WantedChange[], complete: boolean) => void;
}

const KIND_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(StatusUpdate_Kind).map(([name, value]) => [value, name]),
);

export interface PodRef {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string };
}

type SessionStream = ReturnType<typeof openStream>;

function openStream(client: DispatcherClient) {
  return client.bidiStream(DispatcherService.method.session);
}

export class Session {
  readonly incarnation: string = randomUUID();
  readonly #options: SessionOptions;
  readonly #masters: Masters;
  readonly #heartbeats: Heartbeats;
  readonly #outbox = new Outbox();
  #stream: SessionStream | undefined;
  /** For when nothing comes back on the stream: the next one is to get a connection of its own. */
  #distrust: (() => void) | undefined;
  #connectingSinceMs = 0;
  #isWelcome = false;
  #attempt = 0;
  #failures = 0;
  #stopped = false;
  #cancelRetry: (() => void) | undefined;
  #cancelFlush: (() => void) | undefined;
  #cancelWatchdog: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#masters = new Masters(options.masters, options.nodeName, options.credentials, options.clock);
    this.#heartbeats = new Heartbeats(this.#masters, this.incarnation, options.clock);
  }

  start(): void {
    this.#heartbeats.start();
    this.#connect();
  }

  /** What is not acknowledged yet is lost to this process; the next one reports anew. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#cancelFlush?.();
    this.#cancelWatchdog?.();
    this.#heartbeats.stop();
    this.#stream?.cancel();
    this.#stream = undefined;
    this.#masters.close();
  }

  /** True while a master has welcomed this session. */
  get connected(): boolean {
    return this.#isWelcome;
  }

  /** From whichever master answers first in the order of this node. @throws Error that of the last master asked */
  async issueToken(ask: TokenAsk): Promise<Token> {
    const request = { ...ask, expirationSeconds: BigInt(ask.expirationSeconds) };
    let failure: unknown;
    for (const address of this.#masters.addresses) {
      try {
        const client = await this.#masters.connect(address);
        const deadline = Date.now() + TOKEN_TIMEOUT_MS;
        const { token, expiresAtMs } = await client.unary(DispatcherService.method.issueToken, request, { deadline });
        return { token, expiresAtMs: Number(expiresAtMs) };
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  sendPodStatus(pod: PodRef, status: PodStatus): void {
    this.#report({ kind: StatusUpdate_Kind.POD_STATUS, ...pod.metadata, object: encode(status) });
  }

  /** The pod has stopped for good. */
  sendPodGone(pod: PodRef): void {
    this.#report({ kind: StatusUpdate_Kind.POD_GONE, ...pod.metadata });
  }

  sendNodeStatus(status: NodeStatus): void {
    this.#report({ kind: StatusUpdate_Kind.NODE_STATUS, name: this.#options.nodeName, object: encode(status) });
  }

  sendEvent(event: KubernetesObject): void {
    const { namespace = '', name = '' } = event.metadata ?? {};
    this.#report({ kind: StatusUpdate_Kind.EVENT, namespace, name, object: encode(event) });
  }

  #report({ kind, namespace = '', name = '', uid = '', object }: StatusUpdateInit): void {
    this.#outbox.add({ kind, namespace, name, uid, ...(object && { object }) });
    this.#cancelFlush ??= this.#options.clock.setTimer(FLUSH_DELAY_MS, () => {
      this.#cancelFlush = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#isWelcome || !this.#stream) return;
    const batch = this.#outbox.next();
    if (batch) this.#send(batch.sequence, batch.updates);
  }

  #send(sequence: bigint, updates: readonly StatusUpdateInit[]): void {
    this.#stream?.write({ message: { case: 'statuses', value: { sequence, updates: [...updates] } } });
    this.#watch(ACK_TIMEOUT_MS, 'no acknowledgement');
  }

  #connect(): void {
    const { addresses } = this.#masters;
    const address = addresses[this.#attempt++ % addresses.length];
    if (this.#stopped || address === undefined) return;
    this.#connectingSinceMs = this.#options.clock.monotonicMs();
    this.#masters.connect(address).then(
      (client) => this.#open(address, client),
      (error: unknown) => this.#lost(address, error),
    );
  }

  #open(address: string, client: DispatcherClient): void {
    if (this.#stopped) return;
    const stream = openStream(client);
    this.#stream = stream;
    this.#isWelcome = false;
    this.#distrust = () => this.#masters.distrust(address, client);
    const end = (reason: unknown) => {
      if (this.#stream === stream) this.#lost(address, reason);
    };
    stream.on('error', end);
    stream.on('end', () => end('the master ended the session'));
    stream.on('data', (response: SessionResponse) => {
      if (this.#stream !== stream) return;
      try {
        this.#receive(response, address);
      } catch (error) {
        this.#options.logger.error({ err: error, master: address }, 'message of a master not understood');
        stream.cancel();
        end(error);
      }
    });
    const node = encode(this.#options.node());
    const hello = { incarnation: this.incarnation, node, resumeRevision: this.#options.wanted.revision };
    stream.write({ message: { case: 'hello', value: hello } });
    this.#watch(WELCOME_TIMEOUT_MS, 'no welcome');
  }

  #receive({ message }: SessionResponse, address: string): void {
    if (message.case === 'welcome') this.#welcome(message.value, address);
    else if (message.case === 'assignments') {
      const { wanted, onChanges } = this.#options;
      const { changes, revision } = message.value;
      onChanges(wanted.apply(changes, revision), revision > 0n);
    } else if (message.case === 'ack') this.#acknowledged(message.value);
  }

  #welcome(welcome: Welcome, address: string): void {
    const { logger, wanted } = this.#options;
    logger.info({ master: welcome.master || address, full: welcome.full }, 'session with a master');
    this.#cancelWatchdog?.();
    this.#isWelcome = true;
    this.#failures = 0;
    wanted.beginSession(welcome.full);
    this.#heartbeats.setInterval(Number(welcome.heartbeatIntervalMs));
    for (const { pod, status } of this.#options.podStatuses()) this.sendPodStatus(pod, status);
    const batch = this.#outbox.underWay;
    if (batch) this.#send(batch.sequence, batch.updates);
    else this.#flush();
  }

  #acknowledged(ack: StatusAck): void {
    const batch = this.#outbox.acknowledge(ack.sequence);
    if (!batch) return;
    this.#cancelWatchdog?.();
    for (const { index, reason, message } of ack.refusals) {
      const update = batch.updates[index];
      const what = update && { kind: KIND_NAMES[update.kind], namespace: update.namespace, name: update.name };
      // A pod that is gone already is what happens when it was deleted by force.
      const level = reason === 'NotFound' ? 'debug' : 'warn';
      this.#options.logger[level]({ ...what, reason, refusal: message }, 'report refused');
    }
    this.#flush();
  }

  #watch(timeoutMs: number, what: string): void {
    this.#cancelWatchdog?.();
    const stream = this.#stream;
    this.#cancelWatchdog = this.#options.clock.setTimer(timeoutMs, () => {
      if (this.#stream !== stream) return;
      this.#options.logger.warn({ timeoutMs }, `${what} from the master`);
      this.#distrust?.();
      stream?.cancel();
    });
  }

  #lost(address: string, reason: unknown): void {
    const { clock, logger, random } = this.#options;
    // What an attempt in vain has taken counts as waiting.
    const spentMs = this.#isWelcome ? 0 : clock.monotonicMs() - this.#connectingSinceMs;
    this.#stream = undefined;
    this.#isWelcome = false;
    this.#cancelWatchdog?.();
    if (this.#stopped) return;
    const wait = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures++, 10), MAX_RETRY_MS);
    const delayMs = Math.max(FIRST_RETRY_MS / 2, wait * (0.5 + random()) - spentMs);
    logger.info({ master: address, reason: String(reason), delayMs: Math.round(delayMs) }, 'session lost');
    this.#cancelRetry = clock.setTimer(delayMs, () => this.#connect());
  }
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
