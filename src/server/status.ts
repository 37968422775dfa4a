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
  /** What is known to be wrong with replicas, by member id. */
  readonly problems: Readonly<Record<string, string>>;
  readonly peers: readonly { readonly id: number; readonly matchIndex: number; readonly active: boolean }[];
}

export async function masterStatus(
  name: string,
  raft: Pick<RaftNode<unknown>, 'status'>,
  store: Pick<Store, 'stateHash'>,
  problems: ReadonlyMap<number, string>,
): Promise<MasterStatus> {
  const { memberId, role, leaderId, term, commitIndex, voters, peers } = await raft.status();
  const { appliedIndex, revision, hash } = store.stateHash();
  const position = { role, leaderId, term, appliedIndex, commitIndex, revision, stateHash: hash };
  return { name, memberId, ...position, voters, peers, problems: Object.fromEntries(problems) };
}
