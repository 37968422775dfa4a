/**
 * What runs only while this replica leads. Each stretch of leadership gets a context of its own: a client whose writes carry the term (the
 * state machine refuses them under any other) and a signal that ends everything that was started.
 */
import type { ApiClient, LeaderContext } from '../client/types.ts';
import type { Logger } from '../lib/logger.ts';
import type { Leadership, Proposer } from '../raft/types.ts';

export interface LeaderLoop {
  readonly name: string;
  start(context: LeaderContext): void | Promise<void>;
}

export function runLeaderLoops(
  proposer: Pick<Proposer<unknown>, 'leadership' | 'onLeadership'>,
  clientFor: (term: number) => ApiClient,
  loops: readonly LeaderLoop[],
  logger: Logger,
): { stop(): void } {
  let current: { term: number; controller: AbortController } | undefined;

  const end = () => {
    if (!current) return;
    logger.info({ term: current.term }, 'leader loops stop');
    current.controller.abort();
    current = undefined;
  };

  const follow = (leadership: Leadership) => {
    if (current && (!leadership.isLeader || leadership.term !== current.term)) end();
    if (!leadership.isLeader || current) return;
    const { term } = leadership;
    const controller = new AbortController();
    current = { term, controller };
    logger.info({ term }, 'leader loops start');
    const context: LeaderContext = { client: clientFor(term), term, signal: controller.signal };
    for (const loop of loops) void startLoop(loop, context, logger);
  };

  const unsubscribe = proposer.onLeadership(follow);
  follow(proposer.leadership());
  return {
    stop() {
      unsubscribe();
      end();
    },
  };
}

/** A loop that fails to start while its context still holds is started again; one whose leadership has ended is not. */
async function startLoop(loop: LeaderLoop, context: LeaderContext, logger: Logger): Promise<void> {
  for (let pauseMs = 100; !context.signal.aborted; pauseMs = Math.min(5_000, pauseMs * 2)) {
    try {
      await loop.start(context);
      return;
    } catch (error) {
      if (context.signal.aborted) return;
      logger.warn({ loop: loop.name, error: String(error), pauseMs }, 'leader loop did not start; trying again');
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
