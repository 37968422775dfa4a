/**
 * The connection to one master. When there is none, a plain TCP connection is tried first and given up soon, and only then a channel is
 * made, always a new one: a channel that began to connect while the network was cut would wait for its next SYN long after the
 * network is back. A master that is merely slow has more time for its part, so that many agents at once do not starve each other.
 */
import * as grpc from '@grpc/grpc-js';
import { DispatcherService } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import type { Clock } from '../../lib/clock.ts';
import { GrpcClient } from '../../lib/grpc.ts';
import { reach } from './reach.ts';

export type DispatcherClient = GrpcClient<typeof DispatcherService>;

/** One SYN may be lost: the second goes out after 1 s. */
export const REACH_TIMEOUT_MS = 2_000;
/** A channel that is not ready by then is replaced when it is next asked for. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/** Finds a master that vanished without a word within about 8 s. */
const CHANNEL_OPTIONS: grpc.ClientOptions = {
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.use_local_subchannel_pool': 1,
};

export class MasterChannel {
  readonly #address: string;
  readonly #credentials: grpc.ChannelCredentials;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  #client: DispatcherClient | undefined;
  #madeAtMs = 0;
  #attempt: Promise<DispatcherClient> | undefined;

  constructor(address: string, credentials: grpc.ChannelCredentials, clock: Clock) {
    this.#address = address;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** A client that can be used now or very soon. Calls that come together share one attempt. @throws Error when the master cannot be reached */
  connect(): Promise<DispatcherClient> {
    this.#attempt ??= this.#connect().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  /** The master takes no notice of what comes through this client: the next one gets a connection of its own. */
  distrust(client: DispatcherClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    client.close();
  }

  close(): void {
    this.#abort.abort();
    this.#client?.close();
    this.#client = undefined;
  }

  async #connect(): Promise<DispatcherClient> {
    if (this.#client && this.#isUsable(this.#client)) return this.#client;
    const { signal } = this.#abort;
    await reach(this.#address, REACH_TIMEOUT_MS, this.#clock, signal);
    signal.throwIfAborted();
    this.#client?.close();
    this.#client = new GrpcClient(DispatcherService, this.#address, this.#credentials, CHANNEL_OPTIONS);
    this.#madeAtMs = this.#clock.monotonicMs();
    return this.#client;
  }

  #isUsable({ state }: DispatcherClient): boolean {
    if (state === grpc.connectivityState.READY) return true;
    const isNew = this.#clock.monotonicMs() - this.#madeAtMs < HANDSHAKE_TIMEOUT_MS;
    return isNew && state === grpc.connectivityState.CONNECTING;
  }
}
