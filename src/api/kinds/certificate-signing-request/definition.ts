/** certificates.k8s.io/v1 CertificateSigningRequest. */
import type { CertificateSigningRequest } from '../../generated/types/certificates-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { humanDuration } from '../../table/duration.ts';
import { none } from '../../table/format.ts';
import { defineKind, fieldAt, statusSubresource } from '../define.ts';
import { certificateSigningRequestStrategy } from './strategy.ts';

const kind = { group: 'certificates.k8s.io', version: 'v1', kind: 'CertificateSigningRequest' } as const;

export const certificateSigningRequestDefinition = defineKind({
  ...kind,
  resource: 'certificatesigningrequests',
  namespaced: false,
  shortNames: ['csr'],
  subresources: [{ name: 'approval', kind, verbs: ['get', 'patch', 'update'] }, statusSubresource(kind)],
  fieldSelectors: { 'spec.signerName': fieldAt('spec.signerName') },
  strategy: certificateSigningRequestStrategy,
  allColumns: [
    nameColumn,
    ageColumn,
    column<CertificateSigningRequest>('SignerName', 'Who is to sign it.', ({ spec }) => spec?.signerName || none),
    column<CertificateSigningRequest>('Requestor', 'Who asks.', ({ spec }) => spec?.username ?? ''),
    column<CertificateSigningRequest>('RequestedDuration', 'For how long.', ({ spec }) =>
      spec?.expirationSeconds === undefined ? none : humanDuration(spec.expirationSeconds * 1000),
    ),
    column<CertificateSigningRequest>('Condition', 'What became of it.', condition),
  ],
});

function condition({ status }: CertificateSigningRequest): string {
  const has = (type: string) => status?.conditions?.some((one) => one.type === type);
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return [decision, has('Failed') && 'Failed', status?.certificate && 'Issued'].filter(Boolean).join(',');
}
