/**
 * Runs the probes of all containers of a node with one timer: it is set to the earliest due probe. A container's liveness and readiness
 * probes wait until its startup probe has succeeded. At most {@link MAX_CONCURRENT_PROBES} run at a time; the others are late by that much.
 */
import type { Container, Probe } from '../../api/generated/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ProbeVerdict } from '../pod/types.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type HandlerResult, runHandler } from './handlers.ts';
import { afterResult, initialProbeState, type ProbeKind, type ProbeState, probeTimeoutMs } from './probe-state.ts';

const MAX_CONCURRENT_PROBES = 64;

export interface ProbeTarget {
  readonly podUid: string;
  readonly containerId: string;
  readonly container: Container;
  readonly startedAtMs: number;
  readonly podIp: string;
  /** What was last reported of this very container: an agent that was restarted goes on from there instead of making it unready. */
  readonly before?: { readonly started: boolean; readonly ready: boolean };
}

export interface ProbeManagerOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** A verdict of one of the pod's containers changed. */
  readonly onChange: (podUid: string) => void;
  /** A probe failed: for an event. */
  readonly onFailure: (target: ProbeTarget, kind: ProbeKind, result: HandlerResult) => void;
}

interface Entry {
  readonly target: ProbeTarget;
  states: ProbeState[];
  readonly inFlight: Set<ProbeKind>;
  readonly counts: Map<ProbeKind, { successes: number; failures: number }>;
  lastFailure: string;
}

const HEALTHY: ProbeVerdict = { started: true, ready: true };

/** How often probes of a container ended how; for metrics. */
export interface ProbeCount {
  readonly podUid: string;
  readonly container: string;
  readonly kind: ProbeKind;
  readonly successes: number;
  readonly failures: number;
}

export class ProbeManager {
  readonly #options: ProbeManagerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #byPod = new Map<string, Set<string>>();
  #cancelTimer: (() => void) | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #running = 0;

  constructor(options: ProbeManagerOptions) {
    this.#options = options;
  }

  /** Makes exactly these running containers of a pod probed; those known already keep their state. */
  sync(podUid: string, targets: readonly ProbeTarget[]): void {
    const wanted = new Set(targets.map(({ containerId }) => containerId));
    const known = this.#byPod.get(podUid);
    for (const id of known ?? []) {
      if (wanted.has(id)) continue;
      this.#entries.delete(id);
      known?.delete(id);
    }
    for (const target of targets) {
      if (this.#entries.has(target.containerId)) continue;
      const states = statesOf(target);
      if (states.length === 0) continue;
      this.#entries.set(target.containerId, {
        target,
        states,
        inFlight: new Set(),
        counts: new Map(),
        lastFailure: '',
      });
      const ids = this.#byPod.get(podUid) ?? new Set();
      this.#byPod.set(podUid, ids.add(target.containerId));
    }
    if (this.#byPod.get(podUid)?.size === 0) this.#byPod.delete(podUid);
    this.#schedule();
  }

  verdict(containerId: string): ProbeVerdict {
    const entry = this.#entries.get(containerId);
    if (!entry) return HEALTHY;
    const result = (kind: ProbeKind) => entry.states.find((state) => state.kind === kind)?.result;
    const startup = result('startup');
    const started = startup === undefined || startup === 'success';
    const readiness = result('readiness');
    const failed = startup === 'failure' ? 'startup' : result('liveness') === 'failure' ? 'liveness' : undefined;
    const graceS = entry.states.find(({ kind }) => kind === failed)?.probe.terminationGracePeriodSeconds;
    return {
      started,
      ...(graceS !== undefined && { graceS }),
      ready: started && (readiness === undefined || readiness === 'success'),
      ...(failed && {
        unhealthy: `Container ${entry.target.container.name} failed ${failed} probe, will be restarted`,
      }),
    };
  }

  /** Of the containers that run now. */
  *counts(): Iterable<ProbeCount> {
    for (const { target, counts } of this.#entries.values()) {
      for (const [kind, count] of counts)
        yield { podUid: target.podUid, container: target.container.name, kind, ...count };
    }
  }

  stop(): void {
    this.#entries.clear();
    this.#byPod.clear();
    this.#cancelTimer?.();
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #schedule(): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      for (const state of dueable(entry)) earliest = Math.min(earliest, state.dueAtMs);
    }
    if (earliest === this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAtMs = earliest;
    if (earliest === Number.POSITIVE_INFINITY || this.#running >= MAX_CONCURRENT_PROBES) return;
    const { clock } = this.#options;
    this.#cancelTimer = clock.setTimer(Math.max(0, earliest - clock.nowMs()), () => this.#runDue());
  }

  #runDue(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#options.clock.nowMs();
    for (const entry of this.#entries.values()) {
      for (const state of dueable(entry)) {
        if (state.dueAtMs <= nowMs && this.#running < MAX_CONCURRENT_PROBES) void this.#run(entry, state);
      }
    }
    this.#schedule();
  }

  async #run(entry: Entry, state: ProbeState): Promise<void> {
    const { target } = entry;
    const { runtime, clock, onChange, onFailure } = this.#options;
    entry.inFlight.add(state.kind);
    this.#running++;
    const result = await runHandler(state.probe, { runtime, ...target }, probeTimeoutMs(state.probe));
    this.#running--;
    entry.inFlight.delete(state.kind);
    const count = entry.counts.get(state.kind) ?? { successes: 0, failures: 0 };
    count[result.ok ? 'successes' : 'failures']++;
    entry.counts.set(state.kind, count);
    if (this.#entries.get(target.containerId) === entry) {
      const before = JSON.stringify(this.verdict(target.containerId));
      entry.states = entry.states.map((other) =>
        other.kind === state.kind ? afterResult(other, result.isUnknown ? undefined : result.ok, clock.nowMs()) : other,
      );
      if (!result.ok) onFailure(target, state.kind, result);
      if (JSON.stringify(this.verdict(target.containerId)) !== before) onChange(target.podUid);
    }
    this.#timerAtMs = Number.NaN;
    this.#schedule();
  }
}

/** The probes that may run now: startup alone until it has succeeded, the others after that; never two of a kind at once. */
function dueable(entry: Entry): ProbeState[] {
  const startup = entry.states.find(({ kind }) => kind === 'startup');
  return entry.states.filter((state) => {
    if (entry.inFlight.has(state.kind)) return false;
    const startupDone = startup === undefined || startup.result === 'success';
    return state.kind === 'startup' ? !startupDone : startupDone;
  });
}

function statesOf({ container, startedAtMs, before }: ProbeTarget): ProbeState[] {
  const states: ProbeState[] = [];
  const { startupProbe, livenessProbe, readinessProbe } = container;
  const add = (kind: ProbeKind, probe: Probe | undefined, held: boolean | undefined) => {
    if (!probe) return;
    const state = initialProbeState(kind, probe, startedAtMs);
    states.push(held ? { ...state, result: 'success' } : state);
  };
  add('startup', startupProbe, before?.started);
  add('liveness', livenessProbe, undefined);
  add('readiness', readinessProbe, before?.ready);
  return states;
}
