/**
 * What the leader does about the membership by itself: it makes voters of learners that were added for that, once they have kept up for
 * a while. Pure; the node loop asks now and then and carries it out.
 *
 * It never removes a voter that nobody named: a dead one may be back in a minute, and only the operator knows that it will not.
 */
import { isJoint } from './configuration.ts';
import type { Configuration, MembershipChange } from './types.ts';

export interface AutopilotView {
  readonly configuration: Configuration;
  /** For how many ticks the member has been caught up without a break; undefined: it is not. */
  readonly caughtUpTicks: (id: number) => number | undefined;
  readonly stableTicks: number;
}

/** Undefined: nothing to do. A learner with `replaces` takes that voter's place in the same step. */
export function planAutopilot(view: AutopilotView): MembershipChange | undefined {
  const { configuration, caughtUpTicks, stableTicks } = view;
  if (isJoint(configuration)) return undefined;
  const ready = configuration.members.find(
    ({ id, promote, replaces }) =>
      configuration.learners.includes(id) &&
      (promote || replaces !== undefined) &&
      (caughtUpTicks(id) ?? -1) >= stableTicks,
  );
  return ready && { type: 'promote', id: ready.id };
}
