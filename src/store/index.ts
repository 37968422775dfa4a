/** The store's border: `types.ts` says what it is, this makes one. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Proposer, StateMachine } from '../raft/types.ts';
import type { ApplyResult } from './apply.ts';
import type { LeaseKeeperOptions } from './lease-keeper.ts';
import { defaultQuota, type Quota } from './quota.ts';
import { ReplicatedStore } from './replicated-store.ts';
import { StoreStateMachine } from './store-state-machine.ts';
import type { Store } from './types.ts';

export type { ApplyResult } from './apply.ts';
export type { LeaseKeeperOptions } from './lease-keeper.ts';
export type { Quota } from './quota.ts';

export interface StoreOptions {
  /** Default: the system's. Leases and progress notifications go by its monotonic time. */
  readonly clock?: Clock | undefined;
  /** Default: half of the machine's memory, up to 8 GiB, and as much as fits the heap. */
  readonly quota?: Quota | undefined;
  /** 64 random bits. */
  readonly randomId?: (() => bigint) | undefined;
}

export interface CreatedStore {
  readonly store: Store;
  /** For the Raft node, which applies the log to it. */
  readonly stateMachine: StateMachine<ApplyResult>;
  /** Gives the store its way to write. Until then writes and linearizable reads fail with `unavailable`. */
  attach(proposer: Proposer<ApplyResult>): void;
  /** To be called when this replica begins to lead: ends leases whose time is over, until the signal aborts. */
  startLeaseKeeper(options: LeaseKeeperOptions): void;
}

export function createStore(options: StoreOptions = {}): CreatedStore {
  const stateMachine = new StoreStateMachine(options.clock);
  const store = new ReplicatedStore(stateMachine, {
    clock: options.clock,
    quota: options.quota ?? defaultQuota(),
    randomId: options.randomId ?? (() => randomBytes(8).readBigUInt64BE()),
  });
  return {
    store,
    stateMachine,
    attach: (proposer) => store.attach(proposer),
    startLeaseKeeper: (keeper) => store.startLeaseKeeper(keeper),
  };
}
