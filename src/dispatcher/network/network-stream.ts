/** One agent's network stream: the full set or what changed since, then changes as they happen. */

import type { MessageInitShape } from '@bufbuild/protobuf';
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { resources } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';
import type { WatchNetworkRequest, WatchNetworkResponseSchema } from '../../gen/trimast/network/v1/network_pb.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { AssignmentSender } from '../assignment-sender.ts';
import { toServiceError } from '../dispatch-error.ts';
import { networkReadMs } from '../limits.ts';
import { writeToStream } from '../write-to-stream.ts';
import type { NetworkSource } from './network-source.ts';

type Response = MessageInitShape<typeof WatchNetworkResponseSchema>;
export type NetworkCall = ServerWritableStream<WatchNetworkRequest, Response>;

export interface NetworkStreamOptions {
  readonly nodeName: string;
  readonly source: NetworkSource;
  /** For one linearizable read: a master that is cut off must not tell of the past. */
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly logger: Logger;
  onClose(stream: NetworkStream): void;
}

export class NetworkStream {
  readonly nodeName: string;
  readonly #call: NetworkCall;
  readonly #options: NetworkStreamOptions;
  readonly #abort = new AbortController();
  readonly #sender: AssignmentSender;
  #unsubscribe: (() => void) | undefined;
  /** Told once, with the first message. */
  #full = false;

  constructor(call: NetworkCall, options: NetworkStreamOptions) {
    const { nodeName, source } = options;
    this.nodeName = nodeName;
    this.#call = call;
    this.#options = options;
    this.#sender = new AssignmentSender({
      nodeName,
      source,
      signal: this.#abort.signal,
      send: (changes, revision) => this.#send({ full: this.#takeFull(), changes, revision: BigInt(revision) }),
      fail: (error) => this.fail(error),
    });
    call.on('cancelled', () => this.#close());
    call.on('error', () => this.#close());
    call.on('close', () => this.#close());
    this.#begin(Number(call.request.resumeRevision)).catch((error: unknown) => this.fail(error));
  }

  /** Ends the stream with a status that says why. */
  fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#close();
    const { code, details } = toServiceError(error);
    const level = code === status.INTERNAL ? 'error' : 'info';
    this.#options.logger[level]({ node: this.nodeName, code: status[code], err: error }, 'network stream ended');
    this.#call.emit('error', { code, details });
  }

  /** Tells a quiet agent how far it is up to date. */
  progress(): void {
    this.#sender.progress();
  }

  async #begin(resumeRevision: number): Promise<void> {
    const { source, nodeName, logger } = this.#options;
    const { signal } = this.#abort;
    await this.#readOnce();
    await source.ready(signal);
    if (signal.aborted) return;
    // Before anything is read, so that no change falls between reading and listening.
    this.#unsubscribe = source.subscribe((item) => this.#sender.touch(item));
    const resumed = resumeRevision > 0 ? source.touchedSince(resumeRevision) : undefined;
    this.#full = resumed === undefined;
    logger.info({ node: nodeName, full: this.#full }, 'network stream began');
    this.#sender.begin(resumed ?? source.items());
  }

  async #readOnce(): Promise<void> {
    const { client, clock } = this.#options;
    const late = new AbortController();
    const cancel = clock.setTimer(networkReadMs, () => late.abort());
    try {
      const signal = AbortSignal.any([this.#abort.signal, late.signal]);
      await client.list(resources.services, { limit: 1, signal });
    } finally {
      cancel();
    }
  }

  #takeFull(): boolean {
    const full = this.#full;
    this.#full = false;
    return full;
  }

  #send(response: Response): Promise<void> {
    return writeToStream(this.#call, response, this.#options.clock, this.#abort.signal);
  }

  #close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#unsubscribe?.();
    this.#options.onClose(this);
  }
}
