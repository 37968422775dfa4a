/**
 * Holds one lease after the other: grants it, puts a key on it, renews it for a while, then lets it end. What it was told about a lease is what
 * the lease must keep: see {@link LeaseBook}.
 */
import { StoreError } from '../../src/store/types.ts';
import type { Judge } from '../checkers/violation.ts';
import type { World } from '../world.ts';
import { call } from './connection.ts';

interface Known {
  readonly ttlMs: number;
  /** By the fastest clock of the cluster, counted from the call that was answered. */
  aliveUntilMs: number;
  revokedAtMs: number | undefined;
}

/** No lease ends earlier than its time after the last renewal that was acknowledged, in real time. */
export class LeaseBook {
  readonly #judge: Judge;
  readonly #fastestRate: number;
  readonly #leases = new Map<bigint, Known>();

  constructor(judge: Judge, fastestRate: number) {
    this.#judge = judge;
    this.#fastestRate = fastestRate;
  }

  asked(id: bigint, ttlSeconds: number): void {
    this.#leases.set(id, { ttlMs: ttlSeconds * 1_000, aliveUntilMs: 0, revokedAtMs: undefined });
  }

  /** A grant or renewal that was called at `callMs` was acknowledged. */
  acknowledged(id: bigint, callMs: number): void {
    const known = this.#leases.get(id)!;
    known.aliveUntilMs = Math.max(known.aliveUntilMs, callMs + known.ttlMs / this.#fastestRate);
    this.#check(id, known);
  }

  revoked(id: bigint, nowMs: number): void {
    const known = this.#leases.get(id)!;
    known.revokedAtMs = nowMs;
    this.#check(id, known);
  }

  #check(id: bigint, { revokedAtMs, aliveUntilMs, ttlMs }: Known): void {
    if (revokedAtMs !== undefined && revokedAtMs < aliveUntilMs - 1)
      this.#judge.violation(
        'leases are never shortened',
        `lease ${id} of ${ttlMs} ms ended at ${revokedAtMs.toFixed(0)} ms, but by what its holder was told it lives until ${aliveUntilMs.toFixed(0)} ms`,
      );
  }
}

export class LeaseHolder {
  readonly #world: World;
  readonly #name: number;
  #count = 0;
  renewals = 0;

  constructor(world: World, name: number) {
    this.#world = world;
    this.#name = name;
  }

  begin(): void {
    this.#later(this.#world.prng.integer(1, 300), () => this.#grant());
  }

  #later(delayMs: number, run: () => void): void {
    this.#world.events.at(delayMs, () => this.#world.attempt(run));
  }

  #grant(): void {
    const world = this.#world;
    if (!world.faults) return;
    const id = BigInt(this.#name * 1_000 + ++this.#count);
    const ttlSeconds = 2;
    const callMs = world.events.nowMs;
    world.leases.asked(id, ttlSeconds);
    call(
      world,
      world.contact(),
      600,
      ({ store }) => store.grantLease({ id, ttlSeconds }, { timeoutMs: 500 }),
      (answer) => {
        if (answer.type !== 'answer') return this.#later(50, () => this.#grant());
        world.leases.acknowledged(id, callMs);
        this.#attach(id);
      },
    );
  }

  #attach(id: bigint): void {
    const world = this.#world;
    // A key that many use goes from one lease to the next.
    const key = world.prng.chance(0.4) ? 'lease' : `lease${id}`;
    const success = [{ type: 'put', key, value: Buffer.from('held'), leaseId: id } as const];
    call(
      world,
      world.contact(),
      600,
      ({ store }) => store.transact({ compare: [], success }, { timeoutMs: 500 }),
      () => this.#renew(id),
    );
  }

  #renew(id: bigint): void {
    const world = this.#world;
    const { prng } = world;
    // It lets go; somebody else's turn.
    if (prng.chance(0.15)) {
      this.#later(prng.integer(1, 500), () => this.#grant());
      return;
    }
    // Now and then at the last moment, or past it.
    this.#later(prng.chance(0.35) ? prng.integer(1_800, 2_400) : prng.integer(100, 1_200), () => {
      if (!world.faults) return;
      const callMs = world.events.nowMs;
      call(
        world,
        world.contact(),
        700,
        ({ store }) => store.keepAlive([id]),
        (answer) => {
          if (answer.type === 'error' && !(answer.error instanceof StoreError)) throw answer.error;
          if (answer.type !== 'answer') return this.#renew(id);
          if (answer.value[0] === undefined) return this.#grant();
          world.leases.acknowledged(id, callMs);
          this.renewals++;
          this.#renew(id);
        },
      );
    });
  }
}
