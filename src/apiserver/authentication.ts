/** Who is calling: for now, always the subject of a client certificate of the cluster's CA. Nobody is anonymous. */
import type { TLSSocket } from 'node:tls';
import { identities, type UserInfo } from './types.ts';

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

/** Common name is the user, organizations are the groups. Undefined: unknown caller, answered with 401. */
export function authenticate(peer: PeerCertificateSource): UserInfo | undefined {
  const { authorized, subject } = peer;
  if (!authorized || !subject) return undefined;
  const name = subject.CN;
  // Two common names would be two users.
  if (typeof name !== 'string' || name === '') return undefined;
  const organizations = subject.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  return { name, groups: [...organizations, identities.authenticatedGroup] };
}
