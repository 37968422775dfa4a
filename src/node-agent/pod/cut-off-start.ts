import type { RuntimeContainer } from '../runtime/runtime.ts';
import { hasEnded } from './types.ts';

/** What containerd's CRI plugin says of a container whose process could not be started. */
const startError = { reason: 'StartError', exitCode: 128 };
/** containerd ends a start when the caller's connection does, and what it was just running is killed. */
const byCaller = /context canceled|signal: killed/;

/**
 * Whoever ends while it starts a container leaves one that has "ended", with the reason that its start was given up. Nothing of it ever ran, so
 * it is one that was created and not started, no run that failed. What this agent itself saw failing is a failure.
 */
export function withoutCutOffStarts(
  containers: readonly RuntimeContainer[],
  seenFailing: ReadonlySet<string> | ReadonlyMap<string, unknown>,
): readonly RuntimeContainer[] {
  const isCutOff = (one: RuntimeContainer) =>
    hasEnded(one) &&
    one.startedAtMs === 0 &&
    one.reason === startError.reason &&
    one.exitCode === startError.exitCode &&
    byCaller.test(one.message) &&
    !seenFailing.has(one.name);
  if (!containers.some(isCutOff)) return containers;
  return containers.map((one) => (isCutOff(one) ? { ...one, state: 'created' } : one));
}
