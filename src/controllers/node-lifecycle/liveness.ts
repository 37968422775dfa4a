/**
 * How long nodes have been silent, as far as this leader can know. Pure.
 *
 * A leader judges no node before it has watched it for a full grace period itself; and a leader that did not run for a while (paused,
 * starved) starts over, since it cannot tell its own silence from theirs.
 */
export class Liveness {
  readonly #graceMs: number;
  readonly #watchedSinceMs = new Map<string, number>();
  readonly #silentMs = new Map<string, number>();
  #lastRoundMs: number | undefined;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** One round: what all masters saw. `agesMs[i]` belongs to `nodes[i]`, -1 for never. */
  observe(nodes: readonly string[], agesMs: readonly number[], nowMs: number): void {
    const wasAway = this.#lastRoundMs !== undefined && nowMs - this.#lastRoundMs > this.#graceMs / 2;
    this.#lastRoundMs = nowMs;
    if (wasAway) this.#watchedSinceMs.clear();
    const present = new Set(nodes);
    for (const node of this.#watchedSinceMs.keys()) if (!present.has(node)) this.#watchedSinceMs.delete(node);
    this.#silentMs.clear();
    nodes.forEach((node, index) => {
      const sinceMs = this.#watchedSinceMs.get(node) ?? nowMs;
      this.#watchedSinceMs.set(node, sinceMs);
      const ageMs = agesMs[index] ?? -1;
      this.#silentMs.set(node, Math.min(nowMs - sinceMs, ageMs < 0 ? Number.POSITIVE_INFINITY : ageMs));
    });
  }

  /** 0 for a node of which nothing is known yet. */
  silentMs(node: string): number {
    return this.#silentMs.get(node) ?? 0;
  }

  /** False while no node has been observed. */
  isEveryNodeLost(): boolean {
    return this.#silentMs.size > 0 && [...this.#silentMs.values()].every((silentMs) => silentMs > this.#graceMs);
  }
}
