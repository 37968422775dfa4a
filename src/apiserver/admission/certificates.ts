/** Who may approve and sign for a signer, and whom no signer of client certificates may name (Kubernetes, "CertificateApproval", "-Signing", "-SubjectRestriction"). */
import type { CertificateSigningRequest } from '../../api/generated/types/certificates-v1.ts';
import { forbidden } from '../errors.ts';
import { type Authorizer, identities } from '../types.ts';
import { concerns, isAbout, objectOf } from './scope.ts';
import type { AdmissionPlugin, AdmissionRequest } from './types.ts';

const requests = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' };
const clientSigner = 'kubernetes.io/kube-apiserver-client';

export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    handles: (scope) => isAbout(scope, requests) && scope.operation === 'UPDATE' && scope.subresource === 'approval',
    validate: (request) => checkSigner(authorizer, request, 'approve'),
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    handles: (scope) => isAbout(scope, requests) && scope.operation === 'UPDATE' && scope.subresource === 'status',
    validate(request) {
      const [now, before] = [statusOf(request.object), statusOf(request.oldObject)];
      const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
      if (same(now?.certificate, before?.certificate) && same(now?.conditions ?? [], before?.conditions ?? [])) return;
      return checkSigner(authorizer, request, 'sign');
    },
  };
}

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  ...concerns(requests, 'CREATE'),
  async validate(request) {
    const { spec } = objectOf<CertificateSigningRequest>(request);
    if (spec.signerName !== clientSigner) return;
    const refuse = (why: string) => forbidden(request.definition, request.name, why);
    let organizations: string[];
    try {
      organizations = await organizationsOf(spec.request);
    } catch (error) {
      throw refuse(`failed to parse CSR: ${(error as Error).message}`);
    }
    if (organizations.includes(identities.mastersGroup)) {
      throw refuse(`use of ${clientSigner} signer with ${identities.mastersGroup} group is not allowed`);
    }
  },
};

function statusOf(object: AdmissionRequest['object']) {
  return (object as CertificateSigningRequest | undefined)?.status;
}

/** `request`: base64 of a PEM. */
async function organizationsOf(request: string): Promise<string[]> {
  // Large, and seldom needed.
  await import('reflect-metadata');
  const { Pkcs10CertificateRequest } = await import('@peculiar/x509');
  const pem = Buffer.from(request, 'base64').toString();
  return new Pkcs10CertificateRequest(pem).subjectName.getField('O');
}

/** By the name of the signer, or of all signers of its domain. */
async function checkSigner(authorizer: Authorizer, request: AdmissionRequest, verb: 'approve' | 'sign'): Promise<void> {
  // What the requester claims now must not open a way.
  const { signerName } = (request.oldObject as unknown as CertificateSigningRequest).spec;
  const domain = signerName.slice(0, signerName.indexOf('/'));
  for (const name of [signerName, `${domain}/*`]) {
    const resource = { group: 'certificates.k8s.io', version: '*', resource: 'signers' };
    const decision = await authorizer.authorize({ user: request.user, verb, resource, name, path: '' });
    if (decision.allowed) return;
  }
  const why = `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`;
  throw forbidden(request.definition, request.name, why);
}
