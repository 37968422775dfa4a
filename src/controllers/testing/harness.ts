/** Runs controllers on the fake client. */
import { EventRecorder } from '../../client/events.ts';
import { InformerSet } from '../../client/informer-set.ts';
import { FakeApiClient } from '../../client/testing/fake-api-client.ts';
import { type Clock, ManualClock, systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { ControllerContext } from '../shared/context.ts';

export interface Harness {
  readonly client: FakeApiClient;
  readonly context: ControllerContext;
  stop(): void;
}

export function harness(clock: Clock = systemClock): Harness {
  const client = new FakeApiClient(clock);
  const controller = new AbortController();
  const { signal } = controller;
  const logger = silentLogger;
  const informers = new InformerSet({ client, signal, logger, clock });
  const recorderFor = (component: string) => new EventRecorder({ client, component, logger, clock });
  return { client, context: { client, informers, signal, clock, logger, recorderFor }, stop: () => controller.abort() };
}

export { ManualClock };
