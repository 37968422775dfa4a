/**
 * The cluster's own certificate authority: ECDSA P-256, X.509 v3 (RFC 5280). Everything that listens or dials in a cluster proves who it
 * is with a certificate from here; the common name is the user and every organization a group.
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
export const signingAlgorithm = algorithm;
const dayMs = 24 * 60 * 60 * 1000;
/** Clocks of machines differ: a certificate is valid from a little before it was made. */
const backdateMs = 5 * 60 * 1000;
const authorityDays = 3650;
/** Default life of everything but the CA. */
export const certificateDays = 365;

export interface CertificateAndKey {
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

export type CertificateUsage = 'client' | 'server';

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ips?: readonly string[];
  readonly usages: readonly CertificateUsage[];
  /** Default {@link certificateDays}. Never outlives the CA. */
  readonly days?: number;
}

/** An authority ready to sign: parsed once, used for many certificates. */
export interface CertificateAuthority extends CertificateAndKey {
  readonly certificate: x509.X509Certificate;
  readonly signingKey: CryptoKey;
}

type CryptoKey = webcrypto.CryptoKey;

export async function createCa(commonName: string, days = authorityDays): Promise<CertificateAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const nowMs = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: distinguishedName(commonName, []),
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + days * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate,
    signingKey: keys.privateKey,
    certificatePem: pem(certificate),
    keyPem: await exportKey(keys.privateKey),
  };
}

/** @throws Error when the texts are no PEM certificate and PKCS #8 P-256 key. */
export async function loadCa({ certificatePem, keyPem }: CertificateAndKey): Promise<CertificateAuthority> {
  const der = x509.PemConverter.decodeFirst(keyPem);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  return { certificate: new x509.X509Certificate(certificatePem), signingKey, certificatePem, keyPem };
}

/** @throws RangeError for an address that is none, or a certificate for nobody. */
export async function issueCertificate(
  ca: CertificateAuthority,
  request: CertificateRequest,
): Promise<CertificateAndKey> {
  const { commonName, organizations, dnsNames = [], ips = [], usages, days = certificateDays } = request;
  if (commonName === '') throw new RangeError('issue a certificate: the common name is empty');
  for (const ip of ips) if (isIP(ip) === 0) throw new RangeError(`issue a certificate: "${ip}" is no IP address`);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const nowMs = Date.now();
  const alternativeNames: x509.JsonGeneralNames = [
    ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
    ...ips.map((value) => ({ type: 'ip', value }) as const),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: distinguishedName(commonName, organizations),
    issuer: ca.certificate.subjectName,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(Math.min(nowMs + days * dayMs, ca.certificate.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: ca.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(
        usages.map((usage) =>
          usage === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
        ),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(alternativeNames.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternativeNames)] : []),
    ],
  });
  return { certificatePem: pem(certificate), keyPem: await exportKey(keys.privateKey) };
}

/** One attribute per relative name, so that readers see every organization by itself. */
function distinguishedName(commonName: string, organizations: readonly string[]): x509.JsonName {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
}

/** 127 random bits: positive, and never the same twice (RFC 5280, 4.1.2.2). */
export function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY').trim()}\n`;
}
