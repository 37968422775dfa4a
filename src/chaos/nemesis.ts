/** Carries out a plan of faults, one after the other; whatever happens, what was broken is healed. */
import { inject } from './faults.ts';
import type { PlannedFault } from './plan.ts';
import type { ChaosTarget, FaultKind } from './types.ts';

export interface FaultRecord {
  readonly kind: FaultKind;
  detail: string;
  readonly startMs: number;
  /** From here on it was being undone. */
  healMs: number;
  /** Everything works again. */
  endMs: number;
}

export interface NemesisOptions {
  readonly target: ChaosTarget;
  readonly plan: readonly PlannedFault[];
  /** When the plan is behind, only kinds that have had no turn yet begin after this time. */
  readonly durationMs: number;
  /** Milliseconds since the run began. */
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  readonly leader: () => Promise<string | undefined>;
  readonly onFault?: (fault: FaultRecord) => void;
}

/** Generous: it starts on a machine that may be busy, and catches up. */
const servingTimeoutMs = 90_000;
const pollMs = 20;

export class Nemesis {
  readonly faults: FaultRecord[] = [];
  /** Masters that did not come back, steps that failed. */
  readonly failures: string[] = [];
  readonly #options: NemesisOptions;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { plan, nowMs, signal, durationMs } = this.#options;
    for (const planned of plan) {
      await this.#sleep(planned.atMs - nowMs());
      if (signal.aborted) return;
      // A slow machine gets behind the plan: then the run ends with what every kind has had its turn of.
      if (nowMs() >= durationMs && this.faults.some(({ kind }) => kind === planned.kind)) continue;
      try {
        await this.#carryOut(planned);
      } catch (error) {
        this.failures.push(`${planned.kind}: ${error instanceof Error ? error.message : String(error)}`);
        await this.#healAll();
      }
    }
  }

  async #carryOut({ kind, holdMs, seed }: PlannedFault): Promise<void> {
    const { target, nowMs, leader, onFault } = this.#options;
    const startMs = nowMs();
    const fault: FaultRecord = { kind, detail: '', startMs, healMs: startMs, endMs: startMs };
    this.faults.push(fault);
    try {
      const injected = await inject(kind, target, seed, {
        leader,
        untilServing: (master) => this.#untilServing(master),
      });
      fault.detail = injected.detail;
      onFault?.(fault);
      await this.#sleep(holdMs);
      fault.healMs = nowMs();
      await injected.heal();
    } finally {
      fault.endMs = nowMs();
    }
  }

  async #untilServing(master: string): Promise<void> {
    const deadlineMs = performance.now() + servingTimeoutMs;
    while (performance.now() < deadlineMs) {
      const state = await this.#options.target.state(master);
      if (state?.role === 'leader' || state?.role === 'follower') return;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    throw new Error(`${master} does not serve ${servingTimeoutMs} ms after it was started`);
  }

  /** After a step that failed: as far as possible, everything is as it was. */
  async #healAll(): Promise<void> {
    const { target } = this.#options;
    const attempts = [
      () => target.block([]),
      ...target.masters.flatMap((master) => [
        () => target.shape(master, undefined),
        () => target.disk(master, undefined),
        () => target.clock(master, 0),
        () => target.resume(master),
        () => target.start(master),
      ]),
    ];
    for (const attempt of attempts) {
      await attempt().catch((error: unknown) => this.failures.push(`heal: ${String(error)}`));
    }
  }

  #sleep(ms: number): Promise<void> {
    const { signal } = this.#options;
    if (ms <= 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }
}
