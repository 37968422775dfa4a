/** What etcd answers when something is wrong: the same codes and messages, since clients tell errors apart by them. */

import { GrpcError, type GrpcStatus, grpcStatus } from '../../lib/lean-grpc/index.ts';
import { StoreError, type StoreErrorCode } from '../../store/types.ts';

const messages = {
  emptyKey: [grpcStatus.invalidArgument, 'etcdserver: key is not provided'],
  keyNotFound: [grpcStatus.invalidArgument, 'etcdserver: key not found'],
  valueProvided: [grpcStatus.invalidArgument, 'etcdserver: value is provided'],
  leaseProvided: [grpcStatus.invalidArgument, 'etcdserver: lease is provided'],
  tooManyOps: [grpcStatus.invalidArgument, 'etcdserver: too many operations in txn request'],
  duplicateKey: [grpcStatus.invalidArgument, 'etcdserver: duplicate key given in txn request'],
  invalidSortOption: [grpcStatus.invalidArgument, 'etcdserver: invalid sort option'],
  compacted: [grpcStatus.outOfRange, 'etcdserver: mvcc: required revision has been compacted'],
  futureRevision: [grpcStatus.outOfRange, 'etcdserver: mvcc: required revision is a future revision'],
  noSpace: [grpcStatus.resourceExhausted, 'etcdserver: mvcc: database space exceeded'],
  leaseNotFound: [grpcStatus.notFound, 'etcdserver: requested lease not found'],
  leaseExists: [grpcStatus.failedPrecondition, 'etcdserver: lease already exists'],
  leaseTtlTooLarge: [grpcStatus.outOfRange, 'etcdserver: too large lease TTL'],
  memberNotFound: [grpcStatus.notFound, 'etcdserver: member not found'],
  memberNotLearner: [grpcStatus.failedPrecondition, 'etcdserver: can only promote a learner member'],
  learnerNotReady: [
    grpcStatus.failedPrecondition,
    'etcdserver: can only promote a learner member which is in sync with leader',
  ],
  peerUrlExists: [grpcStatus.failedPrecondition, 'etcdserver: Peer URLs already exists'],
  memberBadUrls: [grpcStatus.invalidArgument, 'etcdserver: given member URLs are invalid'],
  notEnoughStarted: [
    grpcStatus.failedPrecondition,
    'etcdserver: re-configuration failed due to not enough started members',
  ],
  tooLarge: [grpcStatus.invalidArgument, 'etcdserver: request is too large'],
  tooManyRequests: [grpcStatus.resourceExhausted, 'etcdserver: too many requests'],
  authNotEnabled: [grpcStatus.failedPrecondition, 'etcdserver: authentication is not enabled'],
  noLeader: [grpcStatus.unavailable, 'etcdserver: no leader'],
  notLeader: [grpcStatus.failedPrecondition, 'etcdserver: not leader'],
  leaderChanged: [grpcStatus.unavailable, 'etcdserver: leader changed'],
  stopped: [grpcStatus.unavailable, 'etcdserver: server stopped'],
  timeout: [grpcStatus.unavailable, 'etcdserver: request timed out'],
  badTransferee: [grpcStatus.failedPrecondition, 'etcdserver: bad leader transferee'],
} as const satisfies Record<string, readonly [GrpcStatus, string]>;

export type EtcdErrorName = keyof typeof messages;

export function etcdError(name: EtcdErrorName, cause?: unknown): GrpcError {
  const [status, message] = messages[name];
  return new GrpcError(status, message, cause === undefined ? undefined : { cause });
}

const ofStore: Readonly<Partial<Record<StoreErrorCode, EtcdErrorName>>> = {
  compacted: 'compacted',
  'future-revision': 'futureRevision',
  'too-large': 'tooLarge',
  'too-many-operations': 'tooManyOps',
  'duplicate-key': 'duplicateKey',
  'key-not-found': 'keyNotFound',
  'lease-not-found': 'leaseNotFound',
  'lease-exists': 'leaseExists',
  'lease-ttl-too-large': 'leaseTtlTooLarge',
  'no-space': 'noSpace',
  'unknown-outcome': 'timeout',
};

const ofProposal: Readonly<Record<string, EtcdErrorName>> = {
  overloaded: 'tooManyRequests',
  'no-leader': 'noLeader',
  refused: 'leaderChanged',
  stopped: 'stopped',
};

/** Errors of the store as etcd's; any other as it is. */
export function toEtcdError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const known = ofStore[error.code];
  if (known) return etcdError(known, error);
  if (error.code === 'unavailable') {
    const cause = error.cause as { code?: string } | undefined;
    return etcdError(ofProposal[cause?.code ?? ''] ?? 'noLeader', error);
  }
  return new GrpcError(grpcStatus.invalidArgument, `etcdserver: ${error.message}`, { cause: error });
}
