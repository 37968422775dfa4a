/** What is to be done about a certificate request: approved, signed, refused, forgotten. Pure. */
import type { CertificateSigningRequest } from '../../api/generated/types/certificates-v1.ts';
import type { RequestedCertificate } from './signers.ts';
import { isNodeClient, signers } from './signers.ts';

const hourMs = 3_600_000;
/** As upstream: what was decided is kept for an hour, what nobody decided for a day. */
const keepMs = { decided: hourMs, pending: 24 * hourMs } as const;
/** Upstream's `--cluster-signing-duration`. */
export const defaultDurationMs = 365 * 24 * hourMs;

export type Step =
  | { readonly kind: 'none' }
  /** If the requestor may do `certificatesigningrequests/SUBRESOURCE` create. */
  | { readonly kind: 'approve-if-allowed'; readonly subresource: 'nodeclient' | 'selfnodeclient' }
  | { readonly kind: 'fail'; readonly message: string }
  | { readonly kind: 'sign'; readonly usages: readonly string[]; readonly durationMs: number };

export function has(request: CertificateSigningRequest, type: string): boolean {
  return request.status?.conditions?.some((one) => one.type === type) ?? false;
}

/** `certificate`: what the request's PKCS #10 asks for. */
export function planRequest(request: CertificateSigningRequest, certificate: RequestedCertificate): Step {
  const { signerName, usages = [], username, expirationSeconds } = request.spec;
  if (request.status?.certificate || has(request, 'Denied') || has(request, 'Failed')) return { kind: 'none' };
  if (!has(request, 'Approved')) {
    if (!isNodeClient(signerName, certificate, usages)) return { kind: 'none' };
    const subresource = certificate.commonName === username ? 'selfnodeclient' : 'nodeclient';
    return { kind: 'approve-if-allowed', subresource };
  }
  const rule = Object.hasOwn(signers, signerName) ? signers[signerName] : undefined;
  if (!rule) return { kind: 'none' };
  const refusal = rule(certificate, usages);
  if (refusal !== undefined) return { kind: 'fail', message: refusal };
  const durationMs = Math.min(defaultDurationMs, (expirationSeconds ?? Number.POSITIVE_INFINITY) * 1000);
  return { kind: 'sign', usages, durationMs };
}

/** `expiresMs`: of the certificate that was issued. */
export function isOver(request: CertificateSigningRequest, expiresMs: number | undefined, nowMs: number): boolean {
  if (expiresMs !== undefined && expiresMs < nowMs) return true;
  const createdMs = Date.parse(request.metadata?.creationTimestamp ?? '');
  const changedMs = (type: string) =>
    Math.max(
      0,
      ...(request.status?.conditions ?? [])
        .filter((one) => one.type === type)
        .map((one) => Date.parse(one.lastUpdateTime ?? one.lastTransitionTime ?? '') || createdMs),
    );
  const decided = ['Approved', 'Denied', 'Failed'].filter((type) => has(request, type));
  if (decided.length === 0) return createdMs < nowMs - keepMs.pending;
  return decided.some((type) => changedMs(type) < nowMs - keepMs.decided);
}
