/** What a master says of itself at `/debug/status`, for `trimast status` and tests. */
import type { RaftNode } from '../raft/types.ts';
import type { Store } from '../store/types.ts';

export interface MasterStatus {
  readonly name: string;
  readonly memberId: number;
  readonly role: string;
  readonly leaderId: number | undefined;
  readonly term: number;
  readonly appliedIndex: number;
  readonly commitIndex: number;
  readonly revision: number;
  /** Over the whole state; equal on replicas at the same applied index. */
  readonly stateHash: string;
  readonly voters: readonly number[];
  readonly peers: readonly { readonly id: number; readonly matchIndex: number; readonly active: boolean }[];
}

export async function masterStatus(
  name: string,
  raft: Pick<RaftNode<unknown>, 'status'>,
  store: Pick<Store, 'stateHash'>,
): Promise<MasterStatus> {
  const { memberId, role, leaderId, term, commitIndex, voters, peers } = await raft.status();
  const { appliedIndex, revision, hash } = store.stateHash();
  return { name, memberId, role, leaderId, term, appliedIndex, commitIndex, revision, stateHash: hash, voters, peers };
}
