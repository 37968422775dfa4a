/** etcdserverpb.Lease. */
import {
  LeaseGrantRequestSchema,
  LeaseGrantResponseSchema,
  LeaseKeepAliveRequestSchema,
  LeaseKeepAliveResponseSchema,
  LeaseLeasesRequestSchema,
  LeaseLeasesResponseSchema,
  LeaseRevokeRequestSchema,
  LeaseRevokeResponseSchema,
  LeaseTimeToLiveRequestSchema,
  LeaseTimeToLiveResponseSchema,
} from '../../gen/etcd/etcdserverpb/rpc_pb.ts';
import type { Call, Method } from '../../lib/lean-grpc/index.ts';
import type { Store } from '../../store/types.ts';
import { toEtcdError } from './errors.ts';
import type { HeaderSource } from './header.ts';
import { type LeaderSource, requireLeader } from './leader-watch.ts';
import { maxKeepAlivesInFlight } from './limits.ts';
import { decode, encode, unary } from './unary.ts';

export function leaseMethods(store: Store, header: HeaderSource, leader: LeaderSource): [string, Method][] {
  return [
    [
      '/etcdserverpb.Lease/LeaseGrant',
      unary(LeaseGrantRequestSchema, LeaseGrantResponseSchema, async ({ ID, TTL }) => {
        const lease = await store.grantLease({ id: ID === 0n ? undefined : ID, ttlSeconds: Number(TTL) });
        return { header: header.message(lease.revision), ID: lease.id, TTL: BigInt(lease.ttlSeconds) };
      }),
    ],
    [
      '/etcdserverpb.Lease/LeaseRevoke',
      unary(LeaseRevokeRequestSchema, LeaseRevokeResponseSchema, async ({ ID }) => ({
        header: header.message(await store.revokeLease(ID)),
      })),
    ],
    [
      '/etcdserverpb.Lease/LeaseTimeToLive',
      unary(LeaseTimeToLiveRequestSchema, LeaseTimeToLiveResponseSchema, async ({ ID, keys }) => {
        await store.linearizable();
        const lease = store.timeToLive(ID, keys);
        if (!lease || lease.remainingSeconds < 0) return { header: header.message(), ID, TTL: -1n };
        return {
          header: header.message(),
          ID,
          TTL: BigInt(lease.remainingSeconds),
          grantedTTL: BigInt(lease.ttlSeconds),
          keys: (lease.keys ?? []).map((key) => Buffer.from(key, 'latin1')),
        };
      }),
    ],
    [
      '/etcdserverpb.Lease/LeaseLeases',
      unary(LeaseLeasesRequestSchema, LeaseLeasesResponseSchema, async () => {
        await store.linearizable();
        return { header: header.message(), leases: store.leases().map(({ id }) => ({ ID: id })) };
      }),
    ],
    [
      '/etcdserverpb.Lease/LeaseKeepAlive',
      {
        kind: 'stream',
        handle(call) {
          requireLeader(call, leader);
          keepAliveStream(call, store, header);
        },
      },
    ],
  ];
}

function keepAliveStream(call: Call, store: Store, header: HeaderSource): void {
  let inFlight = 0;
  let ended = false;
  const keepAlive = async (id: bigint): Promise<void> => {
    // Taken before: a lease that is revoked later must not look kept alive at a later revision.
    const before = header.message();
    const [ttl] = await store.keepAlive([id]);
    call.send(encode(LeaseKeepAliveResponseSchema, { header: before, ID: id, TTL: BigInt(ttl ?? 0) }));
  };
  call.onMessage = (message) => {
    if (++inFlight === maxKeepAlivesInFlight) call.pause();
    keepAlive(decode(LeaseKeepAliveRequestSchema, message).ID)
      .catch((error: unknown) => call.failWith(toEtcdError(error)))
      .finally(() => {
        if (inFlight-- === maxKeepAlivesInFlight) call.resume();
        if (ended && inFlight === 0) call.end();
      });
  };
  call.onHalfClose = () => {
    ended = true;
    if (inFlight === 0) call.end();
  };
}
