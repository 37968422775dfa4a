/** Who calls: the subject of the client certificate that the handshake has verified. */
import type * as grpc from '@grpc/grpc-js';
import { ApiError } from '../api/status.ts';
import { identities, type UserInfo } from '../apiserver/types.ts';
import { peerSubject } from '../lib/grpc.ts';

/** @throws ApiError `Unauthorized` without a certificate that names a user. */
export function callerOf(call: Pick<grpc.ServerUnaryCall<unknown, unknown>, 'getAuthContext'>): UserInfo {
  const { commonName, organizations } = peerSubject(call);
  if (commonName === '') throw new ApiError('Unauthorized', 'a client certificate with a common name is required');
  return { name: commonName, groups: [...organizations, identities.authenticatedGroup] };
}
