/** Signs what others ask for: PKCS #10 requests (RFC 2986), with usages and a life of the signer's choice. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { type CertificateAuthority, serialNumber, signingAlgorithm } from './certificate-authority.ts';

export interface ParsedCertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ips: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

/** Clocks of machines differ. */
const backdateMs = 5 * 60 * 1000;

const flags = x509.KeyUsageFlags;
/** `usages` of a CertificateSigningRequest that are bits of KeyUsage. */
const keyUsages: Readonly<Record<string, number>> = {
  signing: flags.digitalSignature,
  'digital signature': flags.digitalSignature,
  'content commitment': flags.nonRepudiation,
  'key encipherment': flags.keyEncipherment,
  'data encipherment': flags.dataEncipherment,
  'key agreement': flags.keyAgreement,
  'cert sign': flags.keyCertSign,
  'crl sign': flags.cRLSign,
  'encipher only': flags.encipherOnly,
  'decipher only': flags.decipherOnly,
};
/** Those that are purposes of ExtendedKeyUsage (RFC 5280, 4.2.1.12). */
const purposes: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};

/** @throws Error for what is no request */
export function parseCertificateRequest(pem: string): ParsedCertificateRequest {
  const request = new x509.Pkcs10CertificateRequest(pem);
  const field = (name: string) => request.subjectName.getField(name);
  const names = alternativeNames(request)?.names.toJSON() ?? [];
  const of = (type: string) => names.filter((one) => one.type === type).map(({ value }) => value);
  return {
    commonName: field('CN')[0] ?? '',
    organizations: field('O'),
    dnsNames: of('dns'),
    ips: of('ip'),
    emails: of('email'),
    uris: of('url'),
  };
}

/** Subject and alternative names are the request's. `pem` of the certificate alone. @throws Error when the request's own signature is wrong */
export async function signCertificateRequest(
  ca: CertificateAuthority,
  pem: string,
  options: { readonly usages: readonly string[]; readonly durationMs: number; readonly nowMs: number },
): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(pem);
  if (!(await request.verify())) throw new Error('the signature of the certificate request is not that of its key');
  const { usages, durationMs, nowMs } = options;
  const bits = usages.reduce((sum, usage) => sum | (keyUsages[usage] ?? 0), 0);
  const extended = [...new Set(usages.flatMap((usage) => purposes[usage] ?? []))];
  const names = alternativeNames(request);
  const publicKey = await request.publicKey.export(webcrypto as unknown as Crypto);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: request.subjectName,
    issuer: ca.certificate.subjectName,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(Math.min(nowMs + durationMs, ca.certificate.notAfter.getTime())),
    signingAlgorithm,
    publicKey,
    signingKey: ca.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(bits ? [new x509.KeyUsagesExtension(bits, true)] : []),
      ...(extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(extended)] : []),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate.publicKey),
      ...(names ? [new x509.SubjectAlternativeNameExtension(names.names.toJSON())] : []),
    ],
  });
  return `${certificate.toString('pem').trim()}\n`;
}

function alternativeNames(request: x509.Pkcs10CertificateRequest): x509.SubjectAlternativeNameExtension | undefined {
  return request.extensions.find(
    (one): one is x509.SubjectAlternativeNameExtension => one instanceof x509.SubjectAlternativeNameExtension,
  );
}
