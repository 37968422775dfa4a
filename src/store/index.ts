/** The store's border: `types.ts` says what it is, this makes one. */
import type { Proposer, StateMachine } from '../raft/types.ts';
import type { ApplyResult } from './apply.ts';
import { ReplicatedStore } from './replicated-store.ts';
import { StoreStateMachine } from './store-state-machine.ts';
import type { Store } from './types.ts';

export type { ApplyResult } from './apply.ts';

export interface CreatedStore {
  readonly store: Store;
  /** For the Raft node, which applies the log to it. */
  readonly stateMachine: StateMachine<ApplyResult>;
  /** Gives the store its way to write. Until then writes and linearizable reads fail with `unavailable`. */
  attach(proposer: Proposer<ApplyResult>): void;
}

export function createStore(): CreatedStore {
  const stateMachine = new StoreStateMachine();
  const store = new ReplicatedStore(stateMachine);
  return { store, stateMachine, attach: (proposer) => store.attach(proposer) };
}
