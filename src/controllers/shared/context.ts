/** What every controller is given. All writes go through `client`, which is fenced by the leader's term. */
import type { EventRecorder } from '../../client/events.ts';
import type { InformerSet } from '../../client/informer-set.ts';
import type { ApiClient } from '../../client/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

export interface ControllerContext {
  readonly client: ApiClient;
  readonly informers: InformerSet;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorderFor: (component: string) => EventRecorder;
}
