/** v3electionpb.Election. */
import {
  CampaignRequestSchema,
  CampaignResponseSchema,
  type LeaderKey,
  LeaderRequestSchema,
  LeaderResponseSchema,
  ProclaimRequestSchema,
  ProclaimResponseSchema,
  ResignRequestSchema,
  ResignResponseSchema,
} from '../../gen/etcd/v3electionpb/v3election_pb.ts';
import { type Call, GrpcError, grpcStatus, type Method } from '../../lib/lean-grpc/index.ts';
import { type KeyValue, prefixEnd, type Store, type Watch } from '../../store/types.ts';
import { etcdError, toEtcdError } from './errors.ts';
import type { HeaderSource } from './header.ts';
import { refuseProtectedRange } from './protected-keys.ts';
import { holderOf, leaseOrNew, leavePlace, takePlace, waitForTurn } from './session.ts';
import { decode, encode, unary } from './unary.ts';

const notLeader = () => new GrpcError(grpcStatus.unknown, 'election: not leader');

export function electionMethods(store: Store, header: HeaderSource): [string, Method][] {
  return [
    [
      '/v3electionpb.Election/Campaign',
      unary(CampaignRequestSchema, CampaignResponseSchema, async ({ name, lease, value }, call) => {
        const prefix = prefixOf(name);
        const leaseId = await leaseOrNew(store, lease);
        const { key, revision, present, answered } = await takePlace(store, prefix, leaseId, value);
        try {
          if (present && Buffer.compare(present.value, value) !== 0)
            await proclaim(store, key, revision, leaseId, value);
          await waitForTurn(store, prefix, revision, call.signal);
        } catch (error) {
          await leavePlace(store, key, revision);
          throw error;
        }
        return {
          header: header.message(answered),
          leader: { name, key: Buffer.from(key, 'latin1'), rev: BigInt(revision), lease: leaseId },
        };
      }),
    ],
    [
      '/v3electionpb.Election/Proclaim',
      unary(ProclaimRequestSchema, ProclaimResponseSchema, async ({ leader, value }) => {
        const { key, rev, lease } = given(leader);
        const revision = await proclaim(store, Buffer.from(key).toString('latin1'), Number(rev), lease, value);
        return { header: header.message(revision) };
      }),
    ],
    [
      '/v3electionpb.Election/Leader',
      unary(LeaderRequestSchema, LeaderResponseSchema, async ({ name }) => {
        await store.linearizable();
        const holder = holderOf(store, prefixOf(name));
        if (!holder) throw new GrpcError(grpcStatus.unknown, 'election: no leader');
        return { header: header.message(), kv: keyValueMessage(holder) };
      }),
    ],
    [
      '/v3electionpb.Election/Resign',
      unary(ResignRequestSchema, ResignResponseSchema, async ({ leader }) => {
        const { key: bytes, rev } = given(leader);
        const key = Buffer.from(bytes).toString('latin1');
        refuseProtectedRange({ key });
        return { header: header.message(await leavePlace(store, key, Number(rev))) };
      }),
    ],
    [
      '/v3electionpb.Election/Observe',
      {
        kind: 'server-stream',
        async handle(request, call) {
          try {
            const { name } = decode(LeaderRequestSchema, request);
            await store.linearizable();
            observe(store, header, prefixOf(name), call);
          } catch (error) {
            call.failWith(toEtcdError(error));
          }
        },
      },
    ],
  ];
}

/** Tells every value that a leader has, in order. */
function observe(store: Store, header: HeaderSource, prefix: string, call: Call): void {
  let leading: string | undefined;
  const tell = (item: KeyValue, revision: number): void => {
    leading = item.key;
    call.send(encode(LeaderResponseSchema, { header: header.message(revision), kv: keyValueMessage(item) }));
  };
  const look = (revision: number): void => {
    const holder = holderOf(store, prefix);
    if (holder) tell(holder, revision);
  };
  const watch: Watch = store.watch(
    { key: prefix, end: prefixEnd(prefix) },
    {
      onEvents(events, revision) {
        for (const { type, current } of events) {
          if (current.key !== leading) continue;
          if (type === 'put') tell(current, current.modRevision);
          else leading = undefined;
        }
        if (leading === undefined) look(revision);
      },
      onClose: (error) => call.failWith(toEtcdError(error)),
    },
  );
  call.onCancel = () => watch.cancel();
  look(store.revision);
}

async function proclaim(
  store: Store,
  key: string,
  revision: number,
  lease: bigint,
  value: Uint8Array,
): Promise<number> {
  refuseProtectedRange({ key });
  if (key === '') throw etcdError('emptyKey');
  const result = await store.transact({
    compare: [{ key, target: 'createRevision', operator: '=', operand: revision }],
    success: [{ type: 'put', key, value, leaseId: lease }],
  });
  if (!result.succeeded) throw notLeader();
  return result.revision;
}

function given(leader: LeaderKey | undefined): LeaderKey {
  if (leader) return leader;
  throw new GrpcError(grpcStatus.unknown, '"leader" field must be provided');
}

function prefixOf(name: Uint8Array): string {
  return `${Buffer.from(name).toString('latin1')}/`;
}

function keyValueMessage({ key, value, createRevision, modRevision, version, leaseId }: KeyValue) {
  return {
    key: Buffer.from(key, 'latin1'),
    value,
    createRevision: BigInt(createRevision),
    modRevision: BigInt(modRevision),
    version: BigInt(version),
    lease: leaseId ?? 0n,
  };
}
