/** Consensus as a package of its own: everything that others may import. See README.md. */
import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../lib/logger.ts';
import { ThreadedRaftNode } from './raft-node.ts';
import type { WorkerData } from './thread-messages.ts';
import type { RaftNode, RaftNodeOptions, StateMachine } from './types.ts';

export {
  type CallOptions,
  type CommittedEntry,
  defaultProposalTimeoutMs,
  type Leadership,
  type MembershipChange,
  ProposalError,
  type ProposalErrorCode,
  type Proposer,
  type RaftMember,
  type RaftNode,
  type RaftNodeOptions,
  type RaftPeer,
  type RaftStatus,
  type StateMachine,
} from './types.ts';

/**
 * Starts a member: opens or creates its folder, restores the newest snapshot, applies what is known to be committed, listens for
 * peers. Resolves then; a leader need not be known yet.
 *
 * @throws StorageError for a damaged folder or one of another cluster or member; Error when the port is taken or a file is missing.
 */
export async function startRaftNode<Result>(
  options: RaftNodeOptions,
  stateMachine: StateMachine<Result>,
  logger: Logger,
): Promise<RaftNode<Result>> {
  if (!options.join && !options.members.some((member) => member.id === options.memberId))
    throw new Error(`member ${options.memberId} is not among the members given: add it to "members"`);
  const origin = randomBytes(6).readUIntLE(0, 6) || 1;
  const { workerUrl, logWriterUrl, onFatal: _, ...rest } = options;
  const data: WorkerData = { ...rest, origin, logWriterHref: logWriterUrl?.href };
  const worker = new Worker(workerUrl ?? new URL('./worker.ts', import.meta.url), { workerData: data, name: 'raft' });
  const node = new ThreadedRaftNode(worker, origin, options, stateMachine, logger);
  await node.started;
  return node;
}
