/**
 * etcdserverpb.Cluster over Raft's membership. Every member joins as a learner here, whatever the request says, since one that votes before it
 * has the log only endangers the others; `etcdctl member promote` (or the autopilot) gives it its vote.
 */
import {
  MemberAddRequestSchema,
  MemberAddResponseSchema,
  MemberListRequestSchema,
  MemberListResponseSchema,
  MemberPromoteRequestSchema,
  MemberPromoteResponseSchema,
  MemberRemoveRequestSchema,
  MemberRemoveResponseSchema,
  MemberUpdateRequestSchema,
  MemberUpdateResponseSchema,
} from '../../gen/etcd/etcdserverpb/rpc_pb.ts';
import { GrpcError, grpcStatus, type Method } from '../../lib/lean-grpc/index.ts';
import type { MembershipChange, RaftMember, RaftNode } from '../../raft/types.ts';
import type { Store } from '../../store/types.ts';
import { etcdError } from './errors.ts';
import type { HeaderSource } from './header.ts';
import { unary } from './unary.ts';

export type Membership = Pick<RaftNode<unknown>, 'members' | 'changeMembership'>;

export interface MemberDirectory {
  /** host:port where etcd clients reach a member; undefined while it is not known. */
  etcdAddress(member: RaftMember): string | undefined;
  /** An id that no member has had before. */
  newMemberId(): number;
}

export function clusterMethods(
  store: Store,
  header: HeaderSource,
  raft: Membership,
  directory: MemberDirectory,
): [string, Method][] {
  const messages = (members: readonly RaftMember[]) => members.map((member) => memberMessage(member, directory));
  const find = (id: bigint): RaftMember => {
    const member = raft.members().find((one) => BigInt(one.id) === id);
    if (!member) throw etcdError('memberNotFound');
    return member;
  };
  const change = async (one: MembershipChange) => {
    try {
      return await raft.changeMembership(one);
    } catch (error) {
      throw ofRefusal(one, error);
    }
  };
  return [
    [
      '/etcdserverpb.Cluster/MemberList',
      unary(MemberListRequestSchema, MemberListResponseSchema, async ({ linearizable }) => {
        if (linearizable) await store.linearizable();
        return { header: header.message(), members: messages(raft.members()) };
      }),
    ],
    [
      '/etcdserverpb.Cluster/MemberAdd',
      unary(MemberAddRequestSchema, MemberAddResponseSchema, async ({ peerURLs }) => {
        const address = addressOf(peerURLs);
        if (raft.members().some((member) => member.address === address)) throw etcdError('peerUrlExists');
        const id = directory.newMemberId();
        const members = await change({ type: 'add-learner', member: { id, name: '', address } });
        const added = members.find((member) => member.id === id);
        return {
          header: header.message(),
          ...(added && { member: memberMessage(added, directory) }),
          members: messages(members),
        };
      }),
    ],
    [
      '/etcdserverpb.Cluster/MemberRemove',
      unary(MemberRemoveRequestSchema, MemberRemoveResponseSchema, async ({ ID }) => {
        const members = await change({ type: 'remove', id: find(ID).id });
        return { header: header.message(), members: messages(members) };
      }),
    ],
    [
      '/etcdserverpb.Cluster/MemberUpdate',
      unary(MemberUpdateRequestSchema, MemberUpdateResponseSchema, async ({ ID, peerURLs }) => {
        const address = addressOf(peerURLs);
        const { id } = find(ID);
        if (raft.members().some((member) => member.id !== id && member.address === address))
          throw etcdError('peerUrlExists');
        const members = await change({ type: 'update-address', id, address });
        return { header: header.message(), members: messages(members) };
      }),
    ],
    [
      '/etcdserverpb.Cluster/MemberPromote',
      unary(MemberPromoteRequestSchema, MemberPromoteResponseSchema, async ({ ID }) => {
        const member = find(ID);
        if (!member.learner) throw etcdError('memberNotLearner');
        const members = await change({ type: 'promote', id: member.id });
        return { header: header.message(), members: messages(members) };
      }),
    ],
  ];
}

function memberMessage(member: RaftMember, directory: MemberDirectory) {
  const address = directory.etcdAddress(member);
  return {
    ID: BigInt(member.id),
    name: member.name,
    peerURLs: [`https://${member.address}`],
    clientURLs: address === undefined ? [] : [`https://${address}`],
    isLearner: member.learner,
  };
}

/** One URL, as `https://host:port`. */
function addressOf(peerUrls: readonly string[]): string {
  const match = /^https?:\/\/((?:[^/:[\]]+|\[[^\]]+\]):\d{1,5})$/.exec(peerUrls[0] ?? '');
  if (!match || peerUrls.length !== 1) throw etcdError('memberBadUrls');
  return match[1]!;
}

function ofRefusal(change: MembershipChange, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'refused' && change.type === 'promote') return etcdError('learnerNotReady', error);
  if (code === 'refused' && change.type === 'remove') return etcdError('notEnoughStarted', error);
  if (code === 'no-leader') return etcdError('noLeader', error);
  if (code === 'unknown') return etcdError('timeout', error);
  return error instanceof Error ? new GrpcError(grpcStatus.failedPrecondition, `etcdserver: ${error.message}`) : error;
}
