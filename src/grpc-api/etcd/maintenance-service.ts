/** etcdserverpb.Maintenance, and what etcdserverpb.Auth answers where there are no users: who may call is decided by certificates. */
import { createHash } from 'node:crypto';
import {
  AlarmRequest_AlarmAction as AlarmAction,
  AlarmRequestSchema,
  AlarmResponseSchema,
  AlarmType,
  AuthDisableRequestSchema,
  AuthDisableResponseSchema,
  AuthEnableRequestSchema,
  AuthEnableResponseSchema,
  AuthenticateRequestSchema,
  AuthenticateResponseSchema,
  AuthRoleListRequestSchema,
  AuthRoleListResponseSchema,
  AuthStatusRequestSchema,
  AuthStatusResponseSchema,
  AuthUserListRequestSchema,
  AuthUserListResponseSchema,
  DefragmentRequestSchema,
  DefragmentResponseSchema,
  DowngradeRequest_DowngradeAction as DowngradeAction,
  DowngradeRequestSchema,
  DowngradeResponseSchema,
  HashKVRequestSchema,
  HashKVResponseSchema,
  HashRequestSchema,
  HashResponseSchema,
  MoveLeaderRequestSchema,
  MoveLeaderResponseSchema,
  SnapshotResponseSchema,
  StatusRequestSchema,
  StatusResponseSchema,
} from '../../gen/etcd/etcdserverpb/rpc_pb.ts';
import { type Call, GrpcError, grpcStatus, type Method } from '../../lib/lean-grpc/index.ts';
import type { RaftNode } from '../../raft/types.ts';
import type { Store } from '../../store/types.ts';
import { etcdError, toEtcdError } from './errors.ts';
import type { HeaderSource } from './header.ts';
import { snapshotMessageBytes } from './limits.ts';
import { encode, unary } from './unary.ts';

/** Of etcd's interface that this is; clients choose features by it. */
export const apiVersion = '3.6.8';
export const storageVersion = '3.6.0';
const clusterVersion = '3.6';

export type MaintainedRaft = Pick<RaftNode<unknown>, 'status' | 'leadership' | 'members' | 'transferLeadership'>;
/** A database file as etcd's tools read it: how large it will be, and its bytes. */
export type SnapshotSource = () => { readonly bytes: number; readonly chunks: Iterable<Uint8Array> };

export function maintenanceMethods(
  store: Store,
  header: HeaderSource,
  raft: MaintainedRaft,
  snapshotSource: SnapshotSource,
): [string, Method][] {
  const alarms = () =>
    store.usage().alarm === undefined ? [] : [{ memberID: BigInt(header.memberId), alarm: AlarmType.NOSPACE }];

  return [
    [
      '/etcdserverpb.Maintenance/Status',
      unary(StatusRequestSchema, StatusResponseSchema, async () => {
        const status = await raft.status();
        const usage = store.usage();
        const errors = status.leaderId === undefined ? ['etcdserver: no leader'] : [];
        for (const { memberID } of alarms()) errors.push(`memberID:${memberID} alarm:NOSPACE `);
        return {
          header: header.message(),
          version: apiVersion,
          storageVersion,
          // Never 0, by which etcdctl divides.
          dbSize: BigInt(Math.max(usage.allocatedBytes, usage.bytes, 4_096)),
          dbSizeInUse: BigInt(usage.bytes),
          dbSizeQuota: BigInt(usage.quotaBytes),
          leader: BigInt(status.leaderId ?? 0),
          raftIndex: BigInt(status.commitIndex),
          raftAppliedIndex: BigInt(status.appliedIndex),
          raftTerm: BigInt(status.term),
          isLearner: status.role === 'learner',
          errors,
          downgradeInfo: { enabled: false },
        };
      }),
    ],
    [
      '/etcdserverpb.Maintenance/Alarm',
      unary(AlarmRequestSchema, AlarmResponseSchema, async ({ action, alarm }) => {
        if (action === AlarmAction.GET) return { header: header.message(), alarms: alarms() };
        if (action === AlarmAction.ACTIVATE)
          throw new GrpcError(
            grpcStatus.failedPrecondition,
            `etcdserver: alarm ${alarm === AlarmType.NOSPACE ? 'NOSPACE' : alarm} cannot be raised by hand: it stands while the quota is used up`,
          );
        // It ends by itself as soon as there is room; saying so earlier frees nothing.
        return { header: header.message(), alarms: [] };
      }),
    ],
    [
      '/etcdserverpb.Maintenance/Defragment',
      // Memory is given back as keys and old versions go; there is no file with holes.
      unary(DefragmentRequestSchema, DefragmentResponseSchema, () => ({ header: header.message() })),
    ],
    [
      '/etcdserverpb.Maintenance/Hash',
      unary(HashRequestSchema, HashResponseSchema, () => {
        const { hash, revision } = store.stateHash();
        return { header: header.message(revision), hash: createHash('sha256').update(hash).digest().readUInt32BE(0) };
      }),
    ],
    [
      '/etcdserverpb.Maintenance/HashKV',
      unary(HashKVRequestSchema, HashKVResponseSchema, async ({ revision }) => {
        const {
          hash,
          compactRevision,
          revision: hashRevision,
        } = await store.hashKv(revision > 0n ? Number(revision) : undefined);
        return {
          header: header.message(),
          hash,
          compactRevision: BigInt(compactRevision),
          hashRevision: BigInt(hashRevision),
        };
      }),
    ],
    [
      '/etcdserverpb.Maintenance/MoveLeader',
      unary(MoveLeaderRequestSchema, MoveLeaderResponseSchema, async ({ targetID }) => {
        if (raft.leadership().leaderId !== header.memberId) throw etcdError('notLeader');
        const target = raft.members().find((member) => BigInt(member.id) === targetID);
        if (!target || target.learner) throw etcdError('badTransferee');
        try {
          await raft.transferLeadership(target.id);
        } catch (cause) {
          throw etcdError('timeout', cause);
        }
        return {};
      }),
    ],
    [
      '/etcdserverpb.Maintenance/Downgrade',
      unary(DowngradeRequestSchema, DowngradeResponseSchema, ({ action }) => {
        // etcd too is content when there is nothing to cancel.
        if (action === DowngradeAction.CANCEL) return { header: header.message(), version: clusterVersion };
        throw new GrpcError(
          grpcStatus.unimplemented,
          'etcdserver: there is no downgrade mode: install the other version on one member after the other',
        );
      }),
    ],
    [
      '/etcdserverpb.Maintenance/Snapshot',
      {
        kind: 'server-stream',
        handle: (_request, call) =>
          store.linearizable().then(
            () => sendSnapshot(call, snapshotSource()),
            (error: unknown) => call.failWith(toEtcdError(error)),
          ),
      },
    ],
    ...authMethods(header),
  ];
}

/** The file in messages of equal size, then the digest over it: etcdctl appends it, etcdutl checks it. */
async function sendSnapshot(call: Call, { bytes, chunks }: ReturnType<SnapshotSource>): Promise<void> {
  const digest = createHash('sha256');
  let remaining = bytes;
  const send = async (blob: Uint8Array) => {
    const message = encode(SnapshotResponseSchema, {
      remainingBytes: BigInt(remaining),
      blob,
      version: storageVersion,
    });
    if (call.send(message) || call.ended) return;
    await new Promise<void>((resolve) => {
      call.onDrain = resolve;
      call.onCancel = resolve;
    });
  };
  for (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += snapshotMessageBytes) {
      const part = chunk.subarray(start, start + snapshotMessageBytes);
      digest.update(part);
      remaining -= part.length;
      await send(part);
      if (call.ended) return;
    }
    // Between chunks others have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await send(digest.digest());
  call.end();
}

function authMethods(header: HeaderSource): [string, Method][] {
  return [
    [
      '/etcdserverpb.Auth/AuthStatus',
      unary(AuthStatusRequestSchema, AuthStatusResponseSchema, () => ({
        header: header.message(),
        enabled: false,
        authRevision: 1n,
      })),
    ],
    [
      '/etcdserverpb.Auth/AuthEnable',
      unary(AuthEnableRequestSchema, AuthEnableResponseSchema, () => {
        throw new GrpcError(
          grpcStatus.unimplemented,
          "etcdserver: there are no users and roles: who may call is decided by the client's certificate",
        );
      }),
    ],
    [
      '/etcdserverpb.Auth/AuthDisable',
      unary(AuthDisableRequestSchema, AuthDisableResponseSchema, () => ({ header: header.message() })),
    ],
    [
      '/etcdserverpb.Auth/Authenticate',
      unary(AuthenticateRequestSchema, AuthenticateResponseSchema, () => {
        throw etcdError('authNotEnabled');
      }),
    ],
    [
      '/etcdserverpb.Auth/UserList',
      unary(AuthUserListRequestSchema, AuthUserListResponseSchema, () => ({ header: header.message(), users: [] })),
    ],
    [
      '/etcdserverpb.Auth/RoleList',
      unary(AuthRoleListRequestSchema, AuthRoleListResponseSchema, () => ({ header: header.message(), roles: [] })),
    ],
  ];
}
