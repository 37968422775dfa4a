/**
 * What one seed is about. Swarm testing: each seed turns on a random part of the faults, with random strength, and leaves the others off; a run with
 * everything on at once reaches less, because faults hide each other's effects.
 */
import type { Prng } from '../src/lib/prng.ts';
import type { NetworkFaults } from './network.ts';

export interface Scenario {
  readonly replicas: number;
  readonly faultsMs: number;
  readonly network: NetworkFaults;
  /** Messages go through the production codec and protobuf, byte by byte. */
  readonly framed: boolean;
  readonly limits: { readonly maxMessageBytes: number; readonly maxInflightMessages: number };
  readonly snapshotEveryEntries: number;
  readonly keptEntries: number;
  readonly clients: number;
  readonly keys: number;
  /** Some transactions write two keys. What is used together must be judged together, which makes a long history hard to judge. */
  readonly pairs: boolean;
  readonly thinkMs: number;
  readonly timeoutMs: number;
  readonly watchers: number;
  /** Clients that hold leases; with any, the run is long enough for leases to end. */
  readonly leaseHolders: number;
  /** Monotonic clocks run at rates between 1 / this and this. */
  readonly clockSkew: number;
  readonly diskDelayMs: number;
  readonly borderDelayMs: number;
  /** The API thread's event loop has other things to do between its turns. */
  readonly busyApi: boolean;
  /** How long a learner must have been caught up before it is promoted. */
  readonly autopilotStableMs: number;
  readonly nemeses: Nemeses;
}

/** Mean time between strikes in milliseconds, or probability of a strike when the occasion comes; 0: not in this seed. */
export interface Nemeses {
  readonly crashEveryMs: number;
  readonly powerLossEveryMs: number;
  readonly crashAfterVote: number;
  readonly crashAfterElection: number;
  readonly crashAfterAppend: number;
  /** Somebody whose log was shortened by a leader. */
  readonly crashAfterCut: number;
  /** Somebody whose proposals were refused; the refusal comes again in its next life. */
  readonly crashAfterRefusal: number;
  /** A new leader can reach only a part of the others for a while (the beginning of figure 8 of the Raft paper). */
  readonly cutNewLeader: number;
  readonly partitionEveryMs: number;
  readonly isolateLeaderEveryMs: number;
  /** A follower is cut off until a snapshot is all that can bring it back, while somebody watches on it. */
  readonly leaveBehindEveryMs: number;
  readonly pauseEveryMs: number;
  readonly slowDiskEveryMs: number;
  readonly transferEveryMs: number;
  readonly compactEveryMs: number;
  readonly clockJumpEveryMs: number;
  readonly membershipEveryMs: number;
  /** A leader that has just appended its own leaving, and told nobody yet. */
  readonly crashLeaving: number;
  /** Members hear that another's process is gone: when it is, and as often when it is not. 0: never, as if every host were cut off without a word. */
  readonly falseRumourEveryMs: number;
  readonly diskDamage: boolean;
  /** How long a crashed member stays down, at most. */
  readonly downMs: number;
}

export function drawScenario(prng: Prng): Scenario {
  const some = (probability: number, choices: readonly number[]) => (prng.chance(probability) ? prng.pick(choices) : 0);
  const leaseHolders = some(0.15, [3, 6]);
  // A new leader gives every lease its time again, so none ends where leaders change all the time.
  const steady = leaseHolders > 0 && prng.chance(0.6);
  const strike = (probability: number, choices: readonly number[]) => (steady ? 0 : some(probability, choices));
  const diskDamage = prng.chance(0.3);
  const leaveBehindEveryMs = strike(0.2, [300, 600]);
  const membershipEveryMs = strike(0.35, [100, 300]);
  // Two are the fewest that can wait for each other, and the first to: who leaves is half of the majority.
  const sizes = membershipEveryMs > 0 ? [2, 2, 2] : [1, 2];
  const replicas = prng.pick([...sizes, 3, 3, 3, 3, 3, 3, 3, 4, 5, 5, prng.pick([5, 7])]);
  return {
    replicas,
    faultsMs: leaseHolders > 0 ? 4_500 : 1_000,
    leaseHolders,
    network: {
      dropProbability: some(0.4, [0.01, 0.05, 0.15]),
      duplicateProbability: some(0.3, [0.02, 0.1]),
      slowProbability: some(0.4, [0.03, 0.1]),
      maxDelayMs: prng.pick([2, 2, 10, 30]),
      slowDelayMs: prng.pick([50, 200, 800]),
      reorders: prng.chance(0.4),
    },
    framed: prng.chance(0.05),
    limits: {
      maxMessageBytes: prng.pick([1, 1, 200, 1 << 20]),
      maxInflightMessages: prng.pick([1, 4, 64]),
    },
    snapshotEveryEntries: prng.pick(leaveBehindEveryMs > 0 ? [5, 15] : [5, 15, 40, 1_000]),
    keptEntries: prng.pick(leaveBehindEveryMs > 0 ? [0, 3] : [0, 3, 10, 100]),
    clients: prng.pick([2, 3, 5]),
    keys: prng.pick([1, 3, 6]),
    pairs: prng.chance(0.2),
    thinkMs: prng.pick([15, 40, 80]),
    timeoutMs: prng.pick([100, 400, 2_000]),
    watchers: prng.pick([1, 2]),
    clockSkew: some(0.3, [1.02, 1.3]) || 1,
    // A renewal and the end of its lease meet where a commit takes long.
    diskDelayMs: prng.pick(leaseHolders > 0 ? [1, 15, 60, 100] : [0, 1, 1, 4, 15]),
    borderDelayMs: prng.pick([0, 0, 1, 10]),
    busyApi: prng.chance(0.35),
    autopilotStableMs: prng.pick([0, 100]),
    nemeses: {
      // Damage is found at a restart.
      crashEveryMs: strike(diskDamage ? 1 : 0.5, [150, 400, 1_000]),
      powerLossEveryMs: strike(0.25, [400, 1_200]),
      crashAfterVote: strike(0.25, [0.1, 0.5]),
      crashAfterElection: strike(0.3, [0.3, 0.8]),
      crashAfterAppend: strike(0.35, [0.02, 0.1]),
      crashAfterCut: strike(0.4, [0.3, 0.8]),
      crashAfterRefusal: strike(0.3, [0.3, 0.8]),
      cutNewLeader: strike(0.3, [0.3, 0.8]),
      partitionEveryMs: strike(0.35, [200, 600]),
      isolateLeaderEveryMs: strike(0.35, [300, 800]),
      leaveBehindEveryMs,
      pauseEveryMs: strike(0.25, [200, 600]),
      slowDiskEveryMs: strike(0.35, [100, 400]),
      transferEveryMs: strike(0.3, [150, 500]),
      compactEveryMs: some(0.5, [100, 400]),
      clockJumpEveryMs: some(0.2, [200, 800]),
      membershipEveryMs,
      crashLeaving: membershipEveryMs > 0 ? prng.pick([0, 0.5, 1]) : 0,
      diskDamage,
      downMs: prng.pick([5, 100, 400]),
      falseRumourEveryMs: strike(0.3, [200, 800]),
    },
  };
}
