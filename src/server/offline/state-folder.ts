/** Members' folders while nobody runs: made from a backup or from a survivor's folder. */
import { initialConfiguration } from '../../raft/core/configuration.ts';
import { inspectFolder, replayFolder, seedFolder } from '../../raft/offline.ts';
import type { RaftPeer } from '../../raft/types.ts';
import { encodeCommand } from '../../store/command-codec.ts';
import { StoreStateMachine } from '../../store/store-state-machine.ts';
import { prefixEnd } from '../../store/types.ts';
import { type ClusterIdentity, raftClusterId } from '../cluster/cluster-identity.ts';
import { membersPrefix } from '../cluster/member-registry.ts';

export { type FolderReport, inspectFolder } from '../../raft/offline.ts';

/** As far ahead as no lost master can have been: at 10,000 writes a second more than a day. */
export const revisionBump = 1_000_000_000;

export interface OfflineState {
  readonly machine: StoreStateMachine;
  readonly index: number;
  readonly term: number;
  readonly revision: number;
}

/** @throws StoreError invalid: the content is damaged */
export async function stateOfBackup(chunks: AsyncIterable<Uint8Array>, index: number): Promise<OfflineState> {
  const machine = new StoreStateMachine();
  await machine.restore(chunks, index);
  return { machine, index: Math.max(1, index), term: 1, revision: machine.state.revision };
}

/** Everything in a survivor's log counts: what it did not know to be committed may have been acknowledged elsewhere. */
export async function stateOfFolder(dataDir: string): Promise<OfflineState> {
  const { identity, problem } = await inspectFolder(dataDir);
  if (!identity || problem) throw new Error(`the data in ${dataDir} cannot be used: ${problem ?? 'there is none'}`);
  const machine = new StoreStateMachine();
  const { index, term } = await replayFolder(dataDir, identity, machine);
  return { machine, index: Math.max(1, index), term: Math.max(1, term), revision: machine.state.revision };
}

/** The masters of the new epoch say for themselves where they are, and who. */
function forgetMembers({ machine, index, term }: OfflineState): void {
  const range = { key: membersPrefix, end: prefixEnd(membersPrefix) };
  const transaction = { compare: [], success: [{ type: 'delete' as const, ...range }] };
  machine.apply({ index, term, command: encodeCommand({ type: 'transaction', transaction }) });
  machine.applied(index);
}

export interface SeedRequest {
  readonly identity: ClusterIdentity;
  /** Who votes in the new epoch. */
  readonly members: readonly RaftPeer[];
  /** A folder for each of them that is to begin with the state. */
  readonly folders: readonly { readonly memberId: number; readonly dataDir: string }[];
  readonly bump?: number | undefined;
}

/** Writes the same beginning into every folder; its revision is `bump` above that of the state. Returns that revision. */
export async function seedFolders(state: OfflineState, request: SeedRequest): Promise<number> {
  const { machine, index, term } = state;
  forgetMembers(state);
  machine.state.skipTo(state.revision + (request.bump ?? revisionBump));
  const clusterId = raftClusterId(request.identity);
  const meta = { index, term: term + 1, configuration: initialConfiguration(request.members) };
  for (const { memberId, dataDir } of request.folders)
    await seedFolder(dataDir, { clusterId, memberId }, meta, machine.snapshot());
  return machine.state.revision;
}
