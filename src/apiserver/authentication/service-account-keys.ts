/** The keys behind service-account tokens: the first of the file signs, every one of it verifies, so that keys can be rotated. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface VerificationKey {
  /** Hash of the public key, as upstream computes it. */
  readonly id: string;
  readonly algorithm: 'ES256' | 'RS256';
  readonly publicKey: KeyObject;
}

export interface ServiceAccountKeys {
  readonly signing: VerificationKey & { readonly privateKey: KeyObject };
  readonly verification: readonly VerificationKey[];
}

const pemBlock = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g;

/** @throws Error that names the file and says what is wrong with it */
export function readServiceAccountKeys(file: string): ServiceAccountKeys {
  return parseServiceAccountKeys(readFileSync(file, 'utf8'), file);
}

/** `pem`: private keys, and public keys of which only tokens are left. @throws Error */
export function parseServiceAccountKeys(pem: string, name: string): ServiceAccountKeys {
  const blocks = pem.match(pemBlock) ?? [];
  const keys = blocks.map((block) => {
    try {
      return block.includes('PRIVATE KEY') ? createPrivateKey(block) : createPublicKey(block);
    } catch (error) {
      throw new Error(`"${name}" holds a key that cannot be read: ${(error as Error).message}`, { cause: error });
    }
  });
  const privateKey = keys.find((key) => key.type === 'private');
  if (!privateKey) throw new Error(`"${name}" holds no private key to sign service-account tokens with`);
  return {
    signing: { ...describe(privateKey, name), privateKey },
    verification: keys.map((key) => describe(key, name)),
  };
}

function describe(key: KeyObject, name: string): VerificationKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const id = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  if (publicKey.asymmetricKeyType === 'rsa') return { id, algorithm: 'RS256', publicKey };
  if (publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1') return { id, algorithm: 'ES256', publicKey };
  throw new Error(`"${name}" holds a key of a kind that is not supported here: use RSA or P-256`);
}

/** RFC 7517, for `/openid/v1/jwks`. */
export function jsonWebKeySet({ verification }: ServiceAccountKeys): object {
  return {
    keys: verification.map(({ id, algorithm, publicKey }) => ({
      use: 'sig',
      ...publicKey.export({ format: 'jwk' }),
      kid: id,
      alg: algorithm,
    })),
  };
}
