/** `trimast.cluster.v1`: for administrators and between masters. Any master serves it; what the leader decides goes to it through the log. */
import * as grpc from '@grpc/grpc-js';
import { identities } from '../../apiserver/types.ts';
import { ClusterService, Member_Role } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import { addService, peerSubject, type ServiceHandlers } from '../../lib/grpc.ts';
import type { Logger } from '../../lib/logger.ts';
import type { RaftNode } from '../../raft/types.ts';
import type { Store } from '../../store/types.ts';
import { ClusterCallError, toServiceError } from './cluster-call-error.ts';
import type { MemberDirectory } from './member-directory.ts';
import { fromWire, toWire } from './member-record.ts';
import type { MemberRegistry } from './member-registry.ts';
import type { Membership } from './membership.ts';
import { type SnapshotSource, sendSnapshot } from './snapshot-source.ts';

/** Each holds what the state has changed meanwhile in memory. */
const maxSnapshots = 2;
const masterUserPrefix = 'trimast:master:';

type Handlers = ServiceHandlers<typeof ClusterService>;
type Caller = Parameters<typeof peerSubject>[0];

export interface ClusterServiceOptions {
  readonly memberId: number;
  readonly raft: Pick<RaftNode<unknown>, 'status'>;
  readonly store: Pick<Store, 'revision' | 'hashMarks'>;
  readonly snapshotSource: SnapshotSource;
  readonly membership: Membership;
  readonly registry: MemberRegistry;
  readonly directory: MemberDirectory;
  /** Why this master does not serve; undefined while it does. */
  readonly refusal: () => string | undefined;
  /** What is known to be wrong with others. */
  readonly problems: () => ReadonlyMap<number, string>;
  readonly logger: Logger;
}

export function addClusterService(server: grpc.Server, options: ClusterServiceOptions): void {
  const { memberId, store, snapshotSource, membership, registry, directory, refusal, logger } = options;
  let snapshots = 0;

  const snapshot: Handlers['snapshot'] = (call) => {
    const run = async () => {
      requireOperator(call);
      requireServing(refusal);
      if (snapshots >= maxSnapshots)
        throw new ClusterCallError(grpc.status.RESOURCE_EXHAUSTED, `${snapshots} snapshots are being read already`);
      snapshots++;
      try {
        await sendSnapshot(call as unknown as grpc.ServerWritableStream<unknown, object>, snapshotSource);
      } finally {
        snapshots--;
      }
    };
    run().then(
      () => call.end(),
      (error: unknown) => {
        logger.warn({ reason: (error as Error).message }, 'a snapshot was not sent');
        call.emit('error', toServiceError(error));
      },
    );
  };

  const members = () =>
    directory.list().map((member) => ({
      record: toWire({ publicKey: '', signature: '', sequence: 0, ...registry.get(member.id), ...member }),
      role: member.learner ? Member_Role.LEARNER : Member_Role.VOTER,
      matchIndex: 0n,
      active: false,
      isolated: (member.id === memberId ? refusal() : options.problems().get(member.id)) ?? '',
    }));

  addService(server, ClusterService, {
    snapshot,
    getCluster: unary(async (call) => {
      requireOperator(call);
      const { term, leaderId, lastIndex, peers } = await options.raft.status();
      const { clusterId, epoch = 1 } = snapshotSource.identity;
      return {
        clusterId,
        epoch,
        term: BigInt(term),
        leaderId: BigInt(leaderId ?? 0),
        revision: BigInt(store.revision),
        lastIndex: BigInt(lastIndex),
        members: members().map((member) => {
          const id = Number(member.record.id);
          const peer = peers.find((one) => one.id === id);
          const own = id === memberId;
          return {
            ...member,
            matchIndex: BigInt(own ? lastIndex : (peer?.matchIndex ?? 0)),
            active: own || (peer?.active ?? false),
          };
        }),
      };
    }),
    changeMembership: unary(async (call) => {
      requireOperator(call);
      await membership.change(call.request);
      return { members: members() };
    }),
    announce: unary(async (call) => {
      const record = call.request.record && fromWire(call.request.record);
      if (!record) throw new ClusterCallError(grpc.status.INVALID_ARGUMENT, 'the record is missing');
      requireSelf(call, record.name);
      await membership.announce(record);
      return {};
    }),
    rejoin: unary(async (call) => {
      requireServing(refusal);
      const id = Number(call.request.id);
      const known = directory.list().find((member) => member.id === id) ?? registry.get(id);
      requireSelf(call, known?.name);
      await membership.rejoin(id, call.request.reason);
      return {};
    }),
    getHashes: unary(async (call) => {
      requireOperator(call);
      const marks = store.hashMarks().map(({ index, revision, hash }) => ({
        index: BigInt(index),
        revision: BigInt(revision),
        hash,
      }));
      return { id: BigInt(memberId), marks, isolated: refusal() ?? '' };
    }),
  });
}

function unary<Request, Response>(
  action: (call: grpc.ServerUnaryCall<Request, Response>) => Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    action(call).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toServiceError(error)),
    );
  };
}

function requireServing(refusal: () => string | undefined): void {
  const reason = refusal();
  if (reason !== undefined)
    throw new ClusterCallError(grpc.status.UNAVAILABLE, `this master does not serve: ${reason}`);
}

/** Administrators and masters. @throws ClusterCallError PERMISSION_DENIED */
function requireOperator(call: Caller): void {
  const { commonName, organizations } = peerSubject(call);
  const allowed: readonly string[] = [identities.peersOrganization, identities.mastersGroup];
  if (organizations.some((organization) => allowed.includes(organization))) return;
  throw new ClusterCallError(
    grpc.status.PERMISSION_DENIED,
    `"${commonName}" is no administrator: a certificate with the organization "${identities.mastersGroup}" is needed`,
  );
}

/** The master of that name and nobody else. */
function requireSelf(call: Caller, name: string | undefined): void {
  const { commonName, organizations } = peerSubject(call);
  const isMaster = organizations.includes(identities.peersOrganization);
  if (isMaster && name !== undefined && commonName === masterUserPrefix + name) return;
  throw new ClusterCallError(
    grpc.status.PERMISSION_DENIED,
    name === undefined
      ? `"${commonName}" speaks for a master that is not known: add it with "trimast member add"`
      : `"${commonName}" cannot speak for ${name}`,
  );
}
