/** Puts the parts of a node's networking together: everything that follows the {@link NetworkView}. */
import { randomInt } from 'node:crypto';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { Prng } from '../../lib/prng.ts';
import { NetworkView } from '../../network/view.ts';
import { NetworkFeed } from './feed.ts';

export interface NetworkingOptions {
  readonly nodeName: string;
  readonly masters: readonly string[];
  readonly credentials: ChannelCredentials;
  /** Where what masters said is kept over a restart. */
  readonly networkFile: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Networking {
  readonly view: NetworkView;
  /** Leaves routes and rules as they are: existing connections go on, and the next agent adopts them. */
  stop(): Promise<void>;
}

/** Resolves once what was known before a restart is in the view; masters need not be there. */
export async function startNetworking(options: NetworkingOptions): Promise<Networking> {
  const { nodeName, masters, credentials, networkFile: file, clock, logger } = options;
  const view = new NetworkView();
  const prng = new Prng(randomInt(2 ** 32));
  const random = () => prng.float();
  const feed = new NetworkFeed({ nodeName, masters, credentials, view, file, clock, logger, random });
  await feed.start();
  return { view, stop: () => feed.stop() };
}
