/** v3lockpb.Lock. */
import {
  LockRequestSchema,
  LockResponseSchema,
  UnlockRequestSchema,
  UnlockResponseSchema,
} from '../../gen/etcd/v3lockpb/v3lock_pb.ts';
import { GrpcError, grpcStatus, type Method } from '../../lib/lean-grpc/index.ts';
import type { Store } from '../../store/types.ts';
import { etcdError } from './errors.ts';
import type { HeaderSource } from './header.ts';
import { refuseProtectedRange } from './protected-keys.ts';
import { leaseOrNew, leavePlace, takePlace, waitForTurn } from './session.ts';
import { unary } from './unary.ts';

export function lockMethods(store: Store, header: HeaderSource): [string, Method][] {
  return [
    [
      '/v3lockpb.Lock/Lock',
      unary(LockRequestSchema, LockResponseSchema, async ({ name, lease }, call) => {
        const prefix = `${Buffer.from(name).toString('latin1')}/`;
        const leaseId = await leaseOrNew(store, lease);
        const { key, revision } = await takePlace(store, prefix, leaseId, new Uint8Array(0));
        try {
          await waitForTurn(store, prefix, revision, call.signal);
        } catch (error) {
          await leavePlace(store, key, revision);
          throw error;
        }
        if (!store.get(key)) throw new GrpcError(grpcStatus.unknown, 'mutex: session is expired');
        return { header: header.message(), key: Buffer.from(key, 'latin1') };
      }),
    ],
    [
      '/v3lockpb.Lock/Unlock',
      unary(UnlockRequestSchema, UnlockResponseSchema, async ({ key: bytes }) => {
        const key = Buffer.from(bytes).toString('latin1');
        if (key === '') throw etcdError('emptyKey');
        refuseProtectedRange({ key });
        const { revision } = await store.transact({ compare: [], success: [{ type: 'delete', key }] });
        return { header: header.message(revision) };
      }),
    ],
  ];
}
