/**
 * Fills the {@link NetworkView} from whichever master answers: one stream at a time, the next master when it breaks, resumed from the
 * revision that was taken in. Without any master the view stays as it is; a restarted agent begins with what is on disk.
 */
import type * as grpc from '@grpc/grpc-js';
import type { TypedObject } from '../../api/types.ts';
import { Assignment_Action } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { NetworkService, type WatchNetworkResponse } from '../../gen/trimast/network/v1/network_pb.ts';
import type { Clock } from '../../lib/clock.ts';
import { GrpcClient } from '../../lib/grpc.ts';
import type { Logger } from '../../lib/logger.ts';
import { type NetworkState, type NetworkView, networkResources, type ToldObject } from '../../network/view.ts';
import { REACH_TIMEOUT_MS } from '../session/master-channel.ts';
import { masterOrder } from '../session/masters.ts';
import { reach } from '../session/reach.ts';
import { WantedCache } from '../session/wanted-cache.ts';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** A master that has said nothing for so long after the call is left for another one. */
const FIRST_MESSAGE_TIMEOUT_MS = 10_000;
/** Everything is written as one file: not more often than this. */
const SAVE_DELAY_MS = 15_000;
const CHANNEL_OPTIONS: grpc.ClientOptions = {
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.use_local_subchannel_pool': 1,
};

export interface NetworkFeedOptions {
  readonly nodeName: string;
  readonly masters: readonly string[];
  readonly credentials: grpc.ChannelCredentials;
  readonly view: NetworkView;
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
}

export class NetworkFeed {
  readonly #options: NetworkFeedOptions;
  readonly #masters: readonly string[];
  readonly #cache: WantedCache<NetworkState>;
  readonly #abort = new AbortController();
  /** Resolves when a master has told everything for the first time in this process. */
  readonly live: Promise<void>;
  #isLive!: () => void;
  #attempt = 0;
  #failures = 0;
  #cancelTimer: (() => void) | undefined;
  #end: (() => void) | undefined;

  constructor(options: NetworkFeedOptions) {
    const { file, clock, logger, masters, nodeName } = options;
    this.#options = options;
    this.live = new Promise((resolve) => {
      this.#isLive = resolve;
    });
    this.#masters = masterOrder(masters, nodeName);
    this.#cache = new WantedCache<NetworkState>(file, clock, logger, SAVE_DELAY_MS);
  }

  /** Resolves once what was known before a restart is in the view. */
  async start(): Promise<void> {
    const known = await this.#cache.load();
    if (known) this.#restore(known);
    this.#connect();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#cancelTimer?.();
    this.#end?.();
    await this.#cache.flush();
  }

  #restore(state: NetworkState): void {
    const told = networkResources.flatMap((resource) =>
      (state.objects[resource] ?? []).map((object) => ({ resource, key: keyOf(object.metadata), object })),
    );
    this.#options.view.begin(true);
    this.#options.view.apply(told, BigInt(state.revision));
  }

  #connect(): void {
    const address = this.#masters[this.#attempt++ % this.#masters.length];
    const { signal } = this.#abort;
    if (signal.aborted || address === undefined) return;
    reach(address, REACH_TIMEOUT_MS, this.#options.clock, signal).then(
      () => !signal.aborted && this.#open(address),
      (error: unknown) => this.#lost(address, error),
    );
  }

  #open(address: string): void {
    const { credentials, view, clock, logger } = this.#options;
    const client = new GrpcClient(NetworkService, address, credentials, CHANNEL_OPTIONS);
    const stream = client.serverStream(NetworkService.method.watchNetwork, { resumeRevision: view.revision });
    let ended = false;
    let begun = false;
    const end = (reason?: unknown): void => {
      if (ended) return;
      ended = true;
      cancelTimer();
      stream.cancel();
      client.close();
      this.#end = undefined;
      if (reason !== undefined) this.#lost(address, reason);
    };
    this.#end = end;
    const cancelTimer = clock.setTimer(FIRST_MESSAGE_TIMEOUT_MS, () => end('no message from the master'));
    stream.on('error', end);
    stream.on('end', () => end('the master ended the stream'));
    stream.on('data', (response) => {
      if (ended) return;
      try {
        if (!begun) {
          begun = true;
          cancelTimer();
          view.begin(response.full);
          logger.info({ master: address, full: response.full }, 'network stream with a master');
        }
        this.#take(response);
      } catch (error) {
        logger.error({ err: error, master: address }, 'network message of a master not understood');
        end(error);
      }
    });
  }

  #take({ changes, revision }: WatchNetworkResponse): void {
    const told = changes.map(({ action, resource, namespace, name, object }): ToldObject => {
      const isSet = action === Assignment_Action.SET;
      const parsed = isSet ? (JSON.parse(Buffer.from(object).toString()) as TypedObject) : undefined;
      return { resource, key: keyOf({ namespace, name }), object: parsed };
    });
    const { view } = this.#options;
    view.apply(told, revision);
    if (revision === 0n) return;
    this.#failures = 0;
    this.#isLive();
    if (changes.length > 0) this.#cache.save(() => view.state());
  }

  #lost(address: string, reason: unknown): void {
    const { clock, logger, random } = this.#options;
    if (this.#abort.signal.aborted) return;
    const wait = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures++, 10), MAX_RETRY_MS);
    const delayMs = wait * (0.5 + random());
    logger.info({ master: address, reason: String(reason), delayMs: Math.round(delayMs) }, 'network stream lost');
    this.#cancelTimer = clock.setTimer(delayMs, () => this.#connect());
  }
}

function keyOf(metadata: { namespace?: string | undefined; name?: string | undefined } | undefined): string {
  const { namespace, name = '' } = metadata ?? {};
  return namespace ? `${namespace}/${name}` : name;
}
