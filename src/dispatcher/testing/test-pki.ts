/** A certificate authority in a temporary folder, for tests over real TLS. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { TlsFiles } from '../../lib/grpc.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const life = () => ({ notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) });

export interface TestPki {
  /** `address`: what the certificate is good for as a server's; default 127.0.0.1. */
  issue(commonName: string, organizations: readonly string[], address?: string): Promise<TlsFiles>;
  remove(): void;
}

export async function createTestPki(): Promise<TestPki> {
  const folder = mkdtempSync(join(tmpdir(), 'dispatcher-test-'));
  const caKeys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test CA',
    ...life(),
    signingAlgorithm: algorithm,
    keys: caKeys,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, ca.toString('pem'));
  let serial = 1;
  return {
    async issue(commonName, organizations, address = '127.0.0.1') {
      const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: (++serial).toString(16).padStart(2, '0'),
        subject: [...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }],
        issuer: ca.subject,
        ...life(),
        signingAlgorithm: algorithm,
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: address }])],
      });
      const certFile = join(folder, `${serial}.crt`);
      const keyFile = join(folder, `${serial}.key`);
      writeFileSync(certFile, certificate.toString('pem'));
      const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
      writeFileSync(keyFile, x509.PemConverter.encode(key, 'PRIVATE KEY'));
      return { caFile, certFile, keyFile };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
