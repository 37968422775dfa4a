/** Changes of who is a member, as callers ask for them: consensus decides, the registry remembers where the member is. */
import * as grpc from '@grpc/grpc-js';
import type { ChangeMembershipRequest } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import type { Logger } from '../../lib/logger.ts';
import type { RaftMember, RaftNode } from '../../raft/types.ts';
import { ClusterCallError } from './cluster-call-error.ts';
import { fromWire, type MemberRecord, refuseAnnouncement } from './member-record.ts';
import type { MemberRegistry } from './member-registry.ts';

/** A member that joins may have to take in a large snapshot; what is not done then goes on by itself. */
const changeTimeoutMs = 20_000;
const addressPattern = /^.+:\d+$/;

export interface Membership {
  change(request: ChangeMembershipRequest): Promise<void>;
  announce(record: MemberRecord): Promise<void>;
  rejoin(id: number, reason: string): Promise<void>;
}

export function createMembership(
  raft: Pick<RaftNode<unknown>, 'members' | 'changeMembership'>,
  registry: MemberRegistry,
  logger: Logger,
  /** A master comes back empty; called once it is let go of. */
  onRejoin: (name: string, reason: string) => void,
): Membership {
  const options = { timeoutMs: changeTimeoutMs };
  const peer = ({ id, name, raftAddress }: MemberRecord) => ({ id, name, address: raftAddress });
  const find = (id: number): RaftMember | undefined => raft.members().find((member) => member.id === id);

  /** By an administrator: whatever key was known under this id is forgotten. */
  const enter = async (record: MemberRecord): Promise<void> => {
    checkRecord(record);
    await registry.save({ ...record, publicKey: '', signature: '', sequence: 0 }, () => undefined);
  };
  const add = async (record: MemberRecord): Promise<void> => {
    await raft.changeMembership({ type: 'add-learner', member: peer(record), promote: true }, options);
  };

  return {
    async change({ change }) {
      logger.info({ change: change.case }, 'a membership change is asked for');
      switch (change.case) {
        case 'addLearner': {
          const record = fromWire(change.value);
          if (find(record.id)) throw refused(`${record.name} (member ${record.id}) is a member already`);
          await enter(record);
          return add(record);
        }
        case 'promote':
          await raft.changeMembership({ type: 'promote', id: Number(change.value) }, options);
          return;
        case 'remove': {
          const id = Number(change.value);
          await raft.changeMembership({ type: 'remove', id }, options);
          return registry.remove(id);
        }
        case 'replace': {
          const { id, by } = change.value;
          if (!by) throw refused('the replacement is missing');
          const record = fromWire(by);
          await enter(record);
          await raft.changeMembership({ type: 'replace', id: Number(id), by: peer(record) }, options);
          return registry.remove(Number(id));
        }
        default:
          throw new ClusterCallError(grpc.status.INVALID_ARGUMENT, 'the change is missing');
      }
    },

    async announce(record) {
      checkRecord(record);
      const member = find(record.id);
      if (!member)
        throw refused(`${record.name} (member ${record.id}) is not a member: add it with "trimast member add"`);
      const reason = refuseAnnouncement(record, registry.get(record.id));
      if (reason !== undefined) throw refused(reason);
      if (member.address !== record.raftAddress) {
        logger.info({ member: record.name, from: member.address, to: record.raftAddress }, 'a member has moved');
        await raft.changeMembership({ type: 'update-address', id: record.id, address: record.raftAddress }, options);
      }
      await registry.save(record, (known) => refuseAnnouncement(record, known));
    },

    async rejoin(id, reason) {
      const member = find(id);
      const known = registry.get(id);
      // It was just added by other means (etcd's interface) and has not announced itself: it is expected, and empty.
      if (member?.learner && !known) return;
      if (!known) throw refused(`member ${id} is not known: add it with "trimast member add"`);
      logger.warn({ member: known.name, reason }, 'a member has lost its data: it leaves and joins again, empty');
      if (member) await raft.changeMembership({ type: 'remove', id }, options);
      await add(known);
      onRejoin(known.name, reason);
    },
  };
}

function checkRecord(record: MemberRecord): void {
  if (!Number.isSafeInteger(record.id) || record.id < 1) throw refused(`"${record.id}" is no member id`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(record.name)) throw refused(`"${record.name}" is no name for a member`);
  for (const field of ['apiAddress', 'grpcAddress', 'raftAddress'] as const)
    if (!addressPattern.test(record[field]))
      throw refused(`${field} "${record[field]}" of ${record.name} is no host:port`);
}

function refused(message: string): ClusterCallError {
  return new ClusterCallError(grpc.status.FAILED_PRECONDITION, message);
}
