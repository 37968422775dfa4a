/**
 * Back-off of restarts, as kubelet has it: the first restart is immediate, then 10 s, doubling up to 5 min, and from the start again after the
 * container ran for 10 minutes. The streak is kept with each container, so that it survives the agent. Pure.
 */
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { annotationKeys } from './types.ts';

export const RESTART_BACK_OFF_MS = 10_000;
export const MAX_RESTART_BACK_OFF_MS = 300_000;
export const BACK_OFF_RESET_MS = 600_000;
const IMAGE_BACK_OFF_MS = 10_000;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

/** When a container that ended may be started again, and the streak of the one that follows. */
export function nextRestart(container: RuntimeContainer): { atMs: number; streak: number } {
  const streak = streakOf(container);
  const endedAtMs = container.finishedAtMs || container.createdAtMs;
  const ranMs = container.startedAtMs > 0 ? endedAtMs - container.startedAtMs : 0;
  if (ranMs >= BACK_OFF_RESET_MS) return { atMs: endedAtMs, streak: 1 };
  return { atMs: endedAtMs + restartDelayMs(streak), streak: streak + 1 };
}

/** The wait after `streak` restarts in a row. */
export function restartDelayMs(streak: number): number {
  if (streak === 0) return 0;
  return Math.min(RESTART_BACK_OFF_MS * 2 ** Math.min(streak - 1, 16), MAX_RESTART_BACK_OFF_MS);
}

export function streakOf(container: RuntimeContainer): number {
  const value = Number(container.annotations[annotationKeys.backOffStreak] ?? 0);
  return Number.isInteger(value) && value >= 0 ? value : 0;
}

/** The wait before an image is pulled again after `failures` failed pulls in a row. */
export function imageRetryDelayMs(failures: number): number {
  return Math.min(IMAGE_BACK_OFF_MS * 2 ** Math.min(failures - 1, 16), MAX_RESTART_BACK_OFF_MS);
}

/** The wait before a failed step (sandbox, volumes, creating a container) is tried again. */
export function retryDelayMs(failures: number): number {
  return Math.min(RETRY_MS * 2 ** Math.min(failures - 1, 16), MAX_RETRY_MS);
}
