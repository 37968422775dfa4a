/** Who said to lead when: asked of every master again and again. */
import type { ChaosTarget } from './types.ts';

export interface Leading {
  readonly master: string;
  readonly term: number;
  readonly startMs: number;
  endMs: number;
}

const everyMs = 100;

export class LeaderLog {
  readonly stretches: Leading[] = [];
  readonly #target: ChaosTarget;
  readonly #nowMs: () => number;
  readonly #controller = new AbortController();
  readonly #running: Promise<void>[] = [];

  constructor(target: ChaosTarget, nowMs: () => number) {
    this.#target = target;
    this.#nowMs = nowMs;
  }

  start(): void {
    for (const master of this.#target.masters) this.#running.push(this.#follow(master));
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await Promise.all(this.#running);
  }

  /** Terms in which somebody led. */
  get elections(): number {
    return new Set(this.stretches.map(({ term }) => term)).size;
  }

  async #follow(master: string): Promise<void> {
    let current: Leading | undefined;
    while (!this.#controller.signal.aborted) {
      const state = await this.#target.state(master);
      const atMs = this.#nowMs();
      if (state?.role !== 'leader' || state.term !== current?.term) current = undefined;
      if (state?.role === 'leader') {
        if (!current) {
          current = { master, term: state.term, startMs: atMs, endMs: atMs };
          this.stretches.push(current);
        }
        current.endMs = atMs;
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}
