/**
 * Linearizable reads without writing to the log (Raft dissertation, section 6.4). A read waits for a round of heartbeats that began
 * after it; once a quorum has answered that round, the leader was still leader when the read came, so its commit index of that
 * moment is a safe read index. All reads that come before a round begins share it.
 */
export interface ReadRequest {
  /** Who asked: a follower, or the leader itself. */
  readonly from: number;
  /** The asker's own number for the request. */
  readonly context: number;
  readonly index: number;
}

export class ReadOnly {
  /** Waits for a round to begin. */
  #queued: ReadRequest[] = [];
  #rounds: { round: number; acks: Map<number, boolean>; requests: ReadRequest[] }[] = [];
  /** Number of the latest round; travels in heartbeats as their context. */
  round = 0;

  get queuedCount(): number {
    return this.#queued.length;
  }

  get pending(): number {
    return this.#queued.length + this.#rounds.reduce((sum, round) => sum + round.requests.length, 0);
  }

  add(request: ReadRequest): void {
    this.#queued.push(request);
  }

  /** Begins a round for what is queued. False: nothing is. */
  begin(selfId: number): boolean {
    if (this.#queued.length === 0) return false;
    this.round++;
    this.#rounds.push({ round: this.round, acks: new Map([[selfId, true]]), requests: this.#queued });
    this.#queued = [];
    return true;
  }

  /**
   * `from` answered a heartbeat of `round`, and thereby all rounds before. Returns the reads that are now safe.
   */
  acknowledge(
    from: number,
    round: number,
    isQuorum: (acks: ReadonlyMap<number, boolean>) => boolean,
  ): readonly ReadRequest[] {
    let done = -1;
    for (let position = 0; position < this.#rounds.length; position++) {
      const waiting = this.#rounds[position]!;
      if (waiting.round > round) break;
      waiting.acks.set(from, true);
      if (isQuorum(waiting.acks)) done = position;
    }
    if (done < 0) return [];
    return this.#rounds.splice(0, done + 1).flatMap((finished) => finished.requests);
  }
}
