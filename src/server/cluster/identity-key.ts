/** What a master is, whatever its addresses and certificates are: an Ed25519 key pair, made at its first start and never replaced by itself. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface IdentityKey {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  sign(text: string): Uint8Array;
}

/** Makes the file where it is missing; readable by its owner only. @throws Error when it is there and no key */
export function loadIdentityKey(file: string): IdentityKey {
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('ed25519');
    mkdirSync(dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}.tmp`;
    writeFileSync(temporary, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    renameSync(temporary, file);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    throw new Error(
      `the identity key ${file} cannot be read: restore it from a copy, or remove the file and replace the member`,
      {
        cause,
      },
    );
  }
  return {
    publicKey: createPublicKey(key).export({ type: 'spki', format: 'der' }),
    sign: (text) => sign(undefined, Buffer.from(text), key),
  };
}

export function verifySignature(publicKey: Uint8Array, text: string, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), type: 'spki', format: 'der' });
    return key.asymmetricKeyType === 'ed25519' && verify(undefined, Buffer.from(text), key, signature);
  } catch {
    // Bytes that are no key have signed nothing.
    return false;
  }
}
