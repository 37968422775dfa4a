/** The subject of a client certificate of the cluster's CA. */
import type { TLSSocket } from 'node:tls';
import { ApiError } from '../../api/status.ts';
import { identities, type UserInfo } from '../types.ts';

/** The part of a TLS socket that says who is at the other end. */
export interface PeerCertificateSource {
  /** The chain was verified against our CA during the handshake. */
  readonly authorized: boolean;
  readonly subject:
    | { readonly CN?: string | string[] | undefined; readonly O?: string | string[] | undefined }
    | undefined;
}

export function peerOf(socket: TLSSocket): PeerCertificateSource {
  // After a resumed session the certificate is the one of the first handshake.
  return { authorized: socket.authorized, subject: socket.getPeerCertificate()?.subject };
}

/**
 * Common name is the user, organizations are the groups. Undefined: no certificate was shown.
 * @throws ApiError Unauthorized for one that is not of our CA, or names nobody
 */
export function certificateUser(peer: PeerCertificateSource): UserInfo | undefined {
  const { authorized, subject } = peer;
  if (!subject) return undefined;
  const name = subject.CN;
  // Two common names would be two users.
  if (!authorized || typeof name !== 'string' || name === '') throw new ApiError('Unauthorized', 'Unauthorized');
  const organizations = subject.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  return { name, groups: [...organizations, identities.authenticatedGroup] };
}
