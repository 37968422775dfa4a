/** For tests: a CA and certificates of it, as PEM files in a folder. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { PeerTls } from './transport/channel.ts';

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

type KeyPair = { publicKey: CryptoKey; privateKey: CryptoKey };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hourMs = 3_600_000;

export interface TestCa {
  /** Issues a certificate; the files are named after `name`. */
  issue(name: string, organization: string): Promise<PeerTls>;
}

export async function createTestCa(dir: string, peerOrganization = 'trimast:masters'): Promise<TestCa> {
  mkdirSync(dir, { recursive: true });
  const validity = { notBefore: new Date(Date.now() - hourMs), notAfter: new Date(Date.now() + hourMs) };
  const caKeys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as unknown as KeyPair;
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test-ca',
    keys: caKeys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    ...validity,
  });
  const caFile = join(dir, 'ca.pem');
  writeFileSync(caFile, ca.toString('pem'));
  return {
    async issue(name, organization) {
      const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as unknown as KeyPair;
      const certificate = await x509.X509CertificateGenerator.create({
        subject: [{ CN: [name] }, { O: [organization] }],
        issuer: ca.subject,
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
        signingAlgorithm: algorithm,
        ...validity,
      });
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as never);
      const certFile = join(dir, `${name}.pem`);
      const keyFile = join(dir, `${name}-key.pem`);
      writeFileSync(certFile, certificate.toString('pem'));
      writeFileSync(keyFile, x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'));
      return { caFile, certFile, keyFile, peerOrganization };
    },
  };
}
