/**
 * Tokens that lie in Secrets of type `kubernetes.io/service-account-token`: without an end of their own, good as long as the account is there and
 * the Secret holds that very token.
 */
import { type JWTPayload, SignJWT } from 'jose';
import type { Secret } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import type { UserInfo } from '../types.ts';
import type { ServiceAccountKeys } from './service-account-keys.ts';
import { type BoundObject, serviceAccountUser, TokenError } from './service-account-tokens.ts';

export const legacyIssuer = 'kubernetes/serviceaccount';
const prefix = 'kubernetes.io/serviceaccount/';

export interface LegacyTokenRequest {
  readonly namespace: string;
  readonly account: BoundObject;
  readonly secret: string;
}

export function issueLegacyToken({ signing }: ServiceAccountKeys, request: LegacyTokenRequest): Promise<string> {
  const { namespace, account, secret } = request;
  return new SignJWT({
    [`${prefix}namespace`]: namespace,
    [`${prefix}secret.name`]: secret,
    [`${prefix}service-account.name`]: account.name,
    [`${prefix}service-account.uid`]: account.uid,
  })
    .setProtectedHeader({ alg: signing.algorithm, kid: signing.id })
    .setIssuer(legacyIssuer)
    .setSubject(serviceAccountUser(namespace, account.name).name)
    .sign(signing.privateKey);
}

/** The signature has been checked. @throws TokenError */
export function legacyUser(store: Pick<Store, 'get'>, claims: JWTPayload, token: string): UserInfo {
  const text = (name: string): string => {
    const value = claims[`${prefix}${name}`];
    if (typeof value !== 'string' || value === '') throw new TokenError(`the token has no claim ${name}`);
    return value;
  };
  const namespace = text('namespace');
  const name = text('service-account.name');
  const uid = text('service-account.uid');
  const secret = read(store, resources.secrets, namespace, text('secret.name')) as Secret | undefined;
  const held = secret?.metadata?.deletionTimestamp ? undefined : secret?.data?.token;
  if (held === undefined || Buffer.from(held, 'base64').toString() !== token) {
    throw new TokenError('the token has been invalidated: its Secret does not hold it any more');
  }
  const account = read(store, resources.serviceAccounts, namespace, name);
  if (account?.metadata?.uid !== uid) {
    throw new TokenError(`service account UID (${account?.metadata?.uid ?? 'none'}) does not match claim (${uid})`);
  }
  return serviceAccountUser(namespace, name, uid);
}

function read(
  store: Pick<Store, 'get'>,
  resource: (typeof resources)[keyof typeof resources],
  namespace: string,
  name: string,
) {
  const item = store.get(objectKey(resource, namespace, name));
  return item && decodeShared(recordOf(item));
}
