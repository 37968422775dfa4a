/**
 * Signs CertificateSigningRequests with the cluster's CA. The files are read when the first is to be signed, and the code that can sign is loaded when
 * there is a request: it is a good part of what a master would have in memory otherwise.
 */
import { readFileSync } from 'node:fs';
import type { Authorizer } from '../apiserver/types.ts';
import type { CertificateSigner } from '../controllers/certificates/controller.ts';
import type { CertificateAuthority } from '../pki/certificate-authority.ts';
import type { MasterConfig } from './config.ts';

export function createCertificateSigner(
  { certFile, keyFile }: NonNullable<MasterConfig['signing']>,
  authorizer: Authorizer,
): CertificateSigner {
  let authority: Promise<CertificateAuthority> | undefined;
  const load = async () => {
    const { loadCa } = await import('../pki/certificate-authority.ts');
    return loadCa({ certificatePem: readFileSync(certFile, 'utf8'), keyPem: readFileSync(keyFile, 'utf8') });
  };
  const requests = () => import('../pki/certificate-request.ts');
  return {
    async parse(pem) {
      const { parseCertificateRequest } = await requests();
      return parseCertificateRequest(pem);
    },
    async sign(pem, options) {
      const { signCertificateRequest } = await requests();
      authority ??= load();
      return signCertificateRequest(await authority, pem, options);
    },
    async mayRequest({ username = '', groups = [], uid, extra }, subresource) {
      const resource = { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' };
      const user = { name: username, groups, uid, extra };
      const decision = await authorizer.authorize({ user, verb: 'create', resource, subresource, path: '' });
      return decision.allowed;
    },
  };
}
