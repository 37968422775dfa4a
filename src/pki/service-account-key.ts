import { generateKeyPairSync } from 'node:crypto';

/** A P-256 private key (PKCS #8 PEM) that signs service-account tokens with ES256; its public half verifies them. */
export function createServiceAccountKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
