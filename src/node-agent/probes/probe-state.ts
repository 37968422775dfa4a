/** The state of one probe: counts results against its thresholds and says when it is due. Pure. */
import type { Probe } from '../../api/generated/types/core-v1.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

export interface ProbeState {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  /** The verdict so far: `unknown` until a threshold is reached for the first time. */
  readonly result: 'unknown' | 'success' | 'failure';
  readonly successes: number;
  readonly failures: number;
  readonly dueAtMs: number;
}

const seconds = (value: number | undefined, fallback: number) => (value ?? fallback) * 1000;

export function initialProbeState(kind: ProbeKind, probe: Probe, startedAtMs: number): ProbeState {
  const dueAtMs = startedAtMs + seconds(probe.initialDelaySeconds, 0);
  return { kind, probe, result: 'unknown', successes: 0, failures: 0, dueAtMs };
}

export function probeTimeoutMs(probe: Probe): number {
  return Math.max(1000, seconds(probe.timeoutSeconds, 1));
}

/** `ok` undefined: the probe could not be tried, which changes nothing. */
export function afterResult(state: ProbeState, ok: boolean | undefined, nowMs: number): ProbeState {
  const dueAtMs = nowMs + Math.max(1000, seconds(state.probe.periodSeconds, 10));
  if (ok === undefined) return { ...state, dueAtMs };
  const successes = ok ? state.successes + 1 : 0;
  const failures = ok ? 0 : state.failures + 1;
  let { result } = state;
  if (ok && successes >= (state.probe.successThreshold ?? 1)) result = 'success';
  if (!ok && failures >= (state.probe.failureThreshold ?? 3)) result = 'failure';
  return { ...state, successes, failures, result, dueAtMs };
}
