/**
 * One agent's stream: Hello, then assignments out and statuses in until it ends. Requests are taken one at a time, so that a node's
 * statuses are written in the order in which they came and an agent that reports faster than that is held back by its own stream.
 */

import type { MessageInitShape } from '@bufbuild/protobuf';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { Node } from '../api/generated/types/core-v1.ts';
import type { ApiClient } from '../client/types.ts';
import type {
  Hello,
  SessionRequest,
  SessionResponseSchema,
  StatusBatch,
} from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { AssignmentSender } from './assignment-sender.ts';
import type { AssignmentSource } from './assignment-source.ts';
import type { CatchUp } from './catch-up.ts';
import { DispatchError, toServiceError } from './dispatch-error.ts';
import { heartbeatIntervalMs, helloTimeoutMs, maxBatchUpdates } from './limits.ts';
import { NodeStatusKeeper } from './node-status-keeper.ts';
import { StatusWriter } from './status-writer.ts';
import { writeToStream } from './write-to-stream.ts';

type Response = MessageInitShape<typeof SessionResponseSchema>;
export type SessionCall = ServerDuplexStream<SessionRequest, Response>;

export interface SessionOptions {
  readonly nodeName: string;
  readonly masterName: string;
  /** Acts as the node. */
  readonly client: ApiClient;
  readonly source: AssignmentSource;
  readonly catchUp: CatchUp;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The agent has said Hello: from now on this is the node's session. */
  onHello(session: Session): void;
  /** The node was heard. */
  onSeen(): void;
  /** Whether this master has heard the node just now. */
  isHeard(): boolean;
  onClose(session: Session): void;
}

export class Session {
  readonly nodeName: string;
  readonly #call: SessionCall;
  readonly #options: SessionOptions;
  readonly #abort = new AbortController();
  readonly #sender: AssignmentSender;
  readonly #nodeStatus: NodeStatusKeeper;
  readonly #writer: StatusWriter;
  #unsubscribe: (() => void)[] = [];
  #cancelHelloTimer: () => void;
  #greeted = false;

  constructor(call: SessionCall, options: SessionOptions) {
    const { nodeName, source, client, clock, logger } = options;
    const { signal } = this.#abort;
    this.nodeName = nodeName;
    this.#call = call;
    this.#options = options;
    const writing = { client, source, nodeName, clock, logger, signal };
    this.#nodeStatus = new NodeStatusKeeper({ ...writing, isHeard: options.isHeard });
    this.#writer = new StatusWriter({ ...writing, nodeStatus: this.#nodeStatus });
    this.#sender = new AssignmentSender({
      nodeName,
      source,
      signal,
      send: (changes, revision) =>
        this.#send({ message: { case: 'assignments', value: { changes, revision: BigInt(revision) } } }),
      fail: (error) => this.fail(error),
    });
    this.#cancelHelloTimer = clock.setTimer(helloTimeoutMs, () =>
      this.fail(new DispatchError(status.DEADLINE_EXCEEDED, `no Hello within ${helloTimeoutMs} ms`)),
    );
    call.on('data', (request: SessionRequest) => {
      call.pause();
      this.#handle(request).then(
        () => call.resume(),
        (error: unknown) => this.fail(error),
      );
    });
    call.on('end', () => {
      this.#close();
      call.end();
    });
    call.on('cancelled', () => this.#close());
    call.on('error', () => this.#close());
  }

  /** Ends the stream with a status that says why. */
  fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#close();
    const { code, details } = toServiceError(error);
    const level = code === status.INTERNAL ? 'error' : 'info';
    this.#options.logger[level]({ node: this.nodeName, code: status[code], err: error }, 'session ended');
    this.#call.emit('error', { code, details });
  }

  /** The node was silent and is heard again. */
  onReturn(): void {
    this.#nodeStatus.check();
  }

  /** Tells a quiet agent how far it is up to date. */
  progress(): void {
    this.#sender.progress();
  }

  #close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#cancelHelloTimer();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#options.onClose(this);
  }

  async #handle(request: SessionRequest): Promise<void> {
    const { message } = request;
    if (message.case === 'hello') return this.#hello(message.value);
    if (message.case === 'statuses') return this.#statuses(message.value);
    throw new DispatchError(status.INVALID_ARGUMENT, 'a session request without a message that this master knows');
  }

  async #hello(hello: Hello): Promise<void> {
    if (this.#greeted) throw new DispatchError(status.INVALID_ARGUMENT, 'a second Hello on one stream');
    this.#greeted = true;
    this.#cancelHelloTimer();
    const { nodeName, logger, source, catchUp, masterName } = this.#options;
    const { signal } = this.#abort;
    const node = parseNode(hello.node, nodeName);
    this.#options.onHello(this);
    this.#options.onSeen();
    // Before anything is read, so that no change falls between reading and listening.
    this.#unsubscribe = [
      source.subscribe(nodeName, (item) => this.#sender.touch(item)),
      source.subscribeNode(nodeName, () => this.#nodeStatus.check()),
    ];
    await Promise.all([this.#nodeStatus.register(node), catchUp.wait(signal)]);
    if (signal.aborted) return;
    const resumed = hello.resumeRevision > 0n ? source.touchedSince(nodeName, Number(hello.resumeRevision)) : undefined;
    const full = resumed === undefined;
    const welcome = { master: masterName, heartbeatIntervalMs: BigInt(heartbeatIntervalMs), full };
    await this.#send({ message: { case: 'welcome', value: welcome } });
    logger.info({ node: nodeName, full, incarnation: hello.incarnation }, 'session began');
    this.#sender.begin(resumed ?? source.itemsOf(nodeName));
  }

  async #statuses(batch: StatusBatch): Promise<void> {
    if (!this.#greeted) throw new DispatchError(status.INVALID_ARGUMENT, 'statuses before Hello');
    if (batch.updates.length > maxBatchUpdates)
      throw new DispatchError(
        status.INVALID_ARGUMENT,
        `${batch.updates.length} updates in a batch; the limit is ${maxBatchUpdates}`,
      );
    this.#options.onSeen();
    const refusals = await this.#writer.write(batch);
    await this.#send({ message: { case: 'ack', value: { sequence: batch.sequence, refusals } } });
  }

  #send(response: Response): Promise<void> {
    return writeToStream(this.#call, response, this.#options.clock, this.#abort.signal);
  }
}

function parseNode(bytes: Uint8Array, nodeName: string): Node {
  let node: unknown;
  try {
    node = JSON.parse(Buffer.from(bytes).toString());
  } catch (error) {
    throw new DispatchError(status.INVALID_ARGUMENT, 'the node in Hello is no JSON', { cause: error });
  }
  if (typeof node !== 'object' || node === null || Array.isArray(node))
    throw new DispatchError(status.INVALID_ARGUMENT, 'the node in Hello is no JSON object');
  const name = (node as Node).metadata?.name;
  if (name !== undefined && name !== nodeName)
    throw new DispatchError(
      status.PERMISSION_DENIED,
      `the certificate is of node "${nodeName}", the node in Hello is "${name}"`,
    );
  return node as Node;
}
