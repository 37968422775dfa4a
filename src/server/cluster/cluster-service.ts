/** `trimast.cluster.v1`: for administrators and between masters. */
import * as grpc from '@grpc/grpc-js';
import { identities } from '../../apiserver/types.ts';
import { ClusterService } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import { addService, peerSubject, type ServiceHandlers } from '../../lib/grpc.ts';
import type { Logger } from '../../lib/logger.ts';
import { type SnapshotSource, sendSnapshot } from './snapshot-source.ts';

/** Each holds what the state has changed meanwhile in memory. */
const maxSnapshots = 2;

type Handlers = ServiceHandlers<typeof ClusterService>;
type Caller = Parameters<typeof peerSubject>[0];

export interface ClusterServiceOptions {
  readonly snapshotSource: SnapshotSource;
  readonly logger: Logger;
}

export class ClusterCallError extends Error {
  readonly code: grpc.status;

  constructor(code: grpc.status, message: string) {
    super(message);
    this.code = code;
  }
}

export function addClusterService(server: grpc.Server, options: ClusterServiceOptions): void {
  const { snapshotSource, logger } = options;
  let snapshots = 0;

  const snapshot: Handlers['snapshot'] = (call) => {
    const run = async () => {
      requireOperator(call);
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

  addService(server, ClusterService, { ...unaryHandlers(options), snapshot });
}

function unaryHandlers(_options: ClusterServiceOptions): Omit<Handlers, 'snapshot'> {
  const missing = (_call: unknown, callback: grpc.sendUnaryData<object>) =>
    callback({ code: grpc.status.UNIMPLEMENTED, details: 'not served by this master' });
  return {
    getCluster: missing,
    changeMembership: missing,
    announce: missing,
    rejoin: missing,
    getHashes: missing,
  } as unknown as Omit<Handlers, 'snapshot'>;
}

/** Administrators and masters. @throws ClusterCallError PERMISSION_DENIED */
export function requireOperator(call: Caller): { commonName: string; isMaster: boolean } {
  const { commonName, organizations } = peerSubject(call);
  const isMaster = organizations.includes(identities.peersOrganization);
  if (isMaster || organizations.includes(identities.mastersGroup)) return { commonName, isMaster };
  throw new ClusterCallError(
    grpc.status.PERMISSION_DENIED,
    `"${commonName}" is no administrator: a certificate with the organization "${identities.mastersGroup}" is needed`,
  );
}

export function toServiceError(error: unknown): { code: grpc.status; details: string } {
  if (error instanceof ClusterCallError) return { code: error.code, details: error.message };
  const code = (error as { code?: unknown }).code;
  const unavailable = ['unavailable', 'no-leader', 'overloaded', 'stopped'].includes(String(code));
  const refused = code === 'refused' || code === 'invalid';
  return {
    code: unavailable ? grpc.status.UNAVAILABLE : refused ? grpc.status.FAILED_PRECONDITION : grpc.status.UNKNOWN,
    details: error instanceof Error ? error.message : String(error),
  };
}
