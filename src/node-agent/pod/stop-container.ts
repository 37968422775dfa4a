/** Ends one container gracefully: its preStop hook, then what is left of the grace period for TERM, then KILL. */
import type { Container } from '../../api/generated/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import { type HandlerTarget, runHandler } from '../probes/handlers.ts';

/** A container whose hook used the whole grace period still gets this long after TERM, as in Kubernetes. */
const AFTER_HOOK_GRACE_MS = 2_000;

export interface StopRequest {
  readonly target: Omit<HandlerTarget, 'container'> & { readonly container: Container | undefined };
  readonly graceMs: number;
  readonly clock: Clock;
  readonly onHookFailure: (message: string) => void;
}

/** Resolves once the container is dead. @throws RuntimeError */
export async function stopContainer({ target, graceMs, clock, onHookFailure }: StopRequest): Promise<void> {
  const { container } = target;
  const hook = container?.lifecycle?.preStop;
  let leftMs = graceMs;
  if (container && hook && graceMs > 0) {
    const startedAtMs = clock.monotonicMs();
    if (hook.sleep) await sleep(clock, Math.min(graceMs, hook.sleep.seconds * 1000));
    else {
      const result = await withLimit(clock, graceMs, runHandler(hook, { ...target, container }, graceMs));
      if (!result.ok) onHookFailure(result.message);
    }
    leftMs = Math.max(AFTER_HOOK_GRACE_MS, graceMs - (clock.monotonicMs() - startedAtMs));
  }
  await target.runtime.stopContainer(target.containerId, leftMs);
}

function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });
}

/** A hook that does not end in time is left behind; the kill ends it. */
function withLimit(clock: Clock, limitMs: number, work: Promise<{ ok: boolean; message: string }>) {
  return new Promise<{ ok: boolean; message: string }>((resolve) => {
    const cancel = clock.setTimer(limitMs, () =>
      resolve({ ok: false, message: 'preStop hook did not end in the grace period' }),
    );
    void work.then((result) => {
      cancel();
      resolve(result);
    });
  });
}
