/** Signs CertificateSigningRequests with the cluster's CA; the files are read when the first is to be signed. */
import { readFileSync } from 'node:fs';
import type { Authorizer } from '../apiserver/types.ts';
import type { CertificateSigner } from '../controllers/certificates/controller.ts';
import { type CertificateAuthority, loadCa } from '../pki/certificate-authority.ts';
import { parseCertificateRequest, signCertificateRequest } from '../pki/certificate-request.ts';
import type { MasterConfig } from './config.ts';

export function createCertificateSigner(
  { certFile, keyFile }: NonNullable<MasterConfig['signing']>,
  authorizer: Authorizer,
): CertificateSigner {
  let authority: Promise<CertificateAuthority> | undefined;
  const load = () => loadCa({ certificatePem: readFileSync(certFile, 'utf8'), keyPem: readFileSync(keyFile, 'utf8') });
  return {
    parse: parseCertificateRequest,
    async sign(pem, options) {
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
