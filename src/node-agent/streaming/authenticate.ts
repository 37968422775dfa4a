/** Who may use the agent's HTTPS server: the masters, and nobody else. */
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { ApiError } from '../../api/status.ts';

const allowedOrganizations: ReadonlySet<string> = new Set(['system:masters', 'trimast:masters']);

/** @throws ApiError `Unauthorized` without a certificate of the cluster's CA, `Forbidden` with one of somebody else. */
export function authenticate(request: IncomingMessage): void {
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) throw new ApiError('Unauthorized', 'Unauthorized');
  // The types know one value per field; Node.js gives a list when a certificate has several.
  const subject = socket.getPeerCertificate().subject as { CN?: string; O?: string | string[] };
  const organizations = subject.O === undefined ? [] : [subject.O].flat();
  if (organizations.some((organization) => allowedOrganizations.has(organization))) return;
  throw new ApiError('Forbidden', `user "${subject.CN ?? ''}" may not use the node's API: only masters may`);
}
