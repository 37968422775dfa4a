/**
 * Bound service-account tokens: JSON Web Tokens that are good for a time and an audience, and only as long as the account and the
 * object that they are bound to are there with the uids that they had (Kubernetes, "Managing Service Accounts").
 */
import { randomUUID } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { resources } from '../../api/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../../store/types.ts';
import { objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { identities, type UserInfo } from '../types.ts';
import { issueLegacyToken, type LegacyTokenRequest, legacyIssuer, legacyUser } from './legacy-tokens.ts';
import { jsonWebKeySet, type ServiceAccountKeys } from './service-account-keys.ts';

/** An object that a token names, so that it ends with the object. */
export interface BoundObject {
  readonly name: string;
  readonly uid: string;
}

export interface TokenRequestClaims {
  readonly namespace: string;
  readonly account: BoundObject;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly pod?: BoundObject | undefined;
  readonly secret?: BoundObject | undefined;
  readonly node?: BoundObject | undefined;
  /** Seconds after which its use is worth a warning. */
  readonly warnAfterSeconds?: number | undefined;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresMs: number;
}

export interface VerifiedToken {
  readonly user: UserInfo;
  /** Those of the token that were asked for. */
  readonly audiences: readonly string[];
}

/** The claim `kubernetes.io`. */
interface PrivateClaims {
  readonly namespace: string;
  readonly serviceaccount: BoundObject;
  readonly pod?: BoundObject;
  readonly secret?: BoundObject;
  readonly node?: BoundObject;
  readonly warnafter?: number;
}

interface Claims extends JWTPayload {
  readonly 'kubernetes.io'?: PrivateClaims;
}

export class TokenError extends Error {
  override readonly name = 'TokenError';
}

/** Verified tokens that are kept so that a signature is checked once; the bound objects are looked at every time. */
const maxCached = 4_096;
/** A client whose clock is a little ahead of ours. */
const clockToleranceSeconds = 10;
const maxTokenLength = 16 * 1024;

export interface ServiceAccountTokenOptions {
  readonly keys: ServiceAccountKeys;
  /** `https://kubernetes.default.svc.cluster.local`: also the audience of tokens for this API. */
  readonly issuer: string;
  readonly store: Pick<Store, 'get'>;
  readonly clock: Clock;
}

export class ServiceAccountTokens {
  readonly #options: ServiceAccountTokenOptions;
  readonly #verified = new Map<string, Claims>();

  constructor(options: ServiceAccountTokenOptions) {
    this.#options = options;
  }

  get issuer(): string {
    return this.#options.issuer;
  }

  get algorithms(): string[] {
    return [...new Set(this.#options.keys.verification.map(({ algorithm }) => algorithm))];
  }

  get keySet(): object {
    return jsonWebKeySet(this.#options.keys);
  }

  async issue(request: TokenRequestClaims): Promise<IssuedToken> {
    const { keys, issuer, clock } = this.#options;
    const nowSeconds = Math.floor(clock.nowMs() / 1_000);
    const expires = nowSeconds + request.expirationSeconds;
    const { namespace, account, pod, secret, node, warnAfterSeconds } = request;
    const claims: PrivateClaims = {
      namespace,
      serviceaccount: account,
      ...(pod && { pod }),
      ...(secret && { secret }),
      ...(node && { node }),
      ...(warnAfterSeconds !== undefined && { warnafter: nowSeconds + warnAfterSeconds }),
    };
    const token = await new SignJWT({ 'kubernetes.io': claims })
      .setProtectedHeader({ alg: keys.signing.algorithm, kid: keys.signing.id })
      .setIssuer(issuer)
      .setSubject(accountUser(namespace, account.name))
      .setAudience([...request.audiences])
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds)
      .setExpirationTime(expires)
      .setJti(randomUUID())
      .sign(keys.signing.privateKey);
    return { token, expiresMs: expires * 1_000 };
  }

  /** For a Secret of type `kubernetes.io/service-account-token`. */
  issueForSecret(request: LegacyTokenRequest): Promise<string> {
    return issueLegacyToken(this.#options.keys, request);
  }

  /** Cheap look at who made a token; nothing of it is trusted. */
  isOurs(token: string): boolean {
    if (token.length > maxTokenLength) return false;
    try {
      const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JWTPayload;
      return payload.iss === this.#options.issuer || payload.iss === legacyIssuer;
    } catch {
      return false;
    }
  }

  /** `audiences`: at least one must be the token's; default: this API. @throws TokenError */
  async verify(token: string, audiences: readonly string[] = [this.#options.issuer]): Promise<VerifiedToken> {
    const claims = await this.#claimsOf(token);
    if (claims.iss === legacyIssuer) {
      if (!audiences.includes(this.#options.issuer)) throw new TokenError('the token is for the API server only');
      return { user: legacyUser(this.#options.store, claims, token), audiences: [this.#options.issuer] };
    }
    const nowSeconds = this.#options.clock.nowMs() / 1_000;
    if (claims.exp === undefined || claims.exp <= nowSeconds) throw new TokenError('service account token has expired');
    const given = [claims.aud ?? []].flat();
    const common = audiences.filter((audience) => given.includes(audience));
    if (common.length === 0) {
      throw new TokenError(
        `token audiences ${JSON.stringify(given)} is invalid for the target audiences ${JSON.stringify(audiences)}`,
      );
    }
    return { user: this.#userOf(claims), audiences: common };
  }

  async #claimsOf(token: string): Promise<Claims> {
    const known = this.#verified.get(token);
    if (known) return known;
    if (token.length > maxTokenLength) throw new TokenError('the token is too long');
    const { keys, issuer, clock } = this.#options;
    try {
      const { payload } = await jwtVerify<Claims>(
        token,
        ({ kid, alg }) => {
          const key = keys.verification.find((one) => one.id === kid && one.algorithm === alg);
          if (!key) throw new TokenError('the token was signed with a key that is not known here');
          return key.publicKey;
        },
        { issuer: [issuer, legacyIssuer], clockTolerance: clockToleranceSeconds, currentDate: new Date(clock.nowMs()) },
      );
      if (this.#verified.size >= maxCached) this.#verified.delete(this.#verified.keys().next().value!);
      this.#verified.set(token, payload);
      return payload;
    } catch (error) {
      throw new TokenError((error as Error).message, { cause: error });
    }
  }

  /** @throws TokenError when the account, or what the token is bound to, is gone or another */
  #userOf(claims: Claims): UserInfo {
    const bound = claims['kubernetes.io'];
    if (!bound?.namespace || !bound.serviceaccount?.name) throw new TokenError('the token names no service account');
    const { namespace, serviceaccount, pod, secret, node } = bound;
    const account = this.#uidOf(resources.serviceAccounts, namespace, serviceaccount.name);
    if (account !== serviceaccount.uid) {
      throw new TokenError(`service account UID (${account ?? 'none'}) does not match claim (${serviceaccount.uid})`);
    }
    if (pod && this.#uidOf(resources.pods, namespace, pod.name) !== pod.uid) {
      throw new TokenError('the pod that the token is bound to is gone');
    }
    if (secret && this.#uidOf(resources.secrets, namespace, secret.name) !== secret.uid) {
      throw new TokenError('the secret that the token is bound to is gone');
    }
    // Of a pod's token the node is only told; a token for a node ends with it.
    if (node && !pod && this.#uidOf(resources.nodes, undefined, node.name) !== node.uid) {
      throw new TokenError('the node that the token is bound to is gone');
    }
    const extra: Record<string, string[]> = {
      ...(claims.jti && { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] }),
      ...(pod && {
        'authentication.kubernetes.io/pod-name': [pod.name],
        'authentication.kubernetes.io/pod-uid': [pod.uid],
      }),
      ...(node && {
        'authentication.kubernetes.io/node-name': [node.name],
        'authentication.kubernetes.io/node-uid': [node.uid],
      }),
    };
    return { ...serviceAccountUser(namespace, serviceaccount.name, serviceaccount.uid), extra };
  }

  #uidOf(
    resource: (typeof resources)[keyof typeof resources],
    namespace: string | undefined,
    name: string,
  ): string | undefined {
    const item = this.#options.store.get(objectKey(resource, namespace, name));
    return item && decodeShared(recordOf(item)).metadata?.uid;
  }
}

export function accountUser(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The identity that a service account acts under. */
export function serviceAccountUser(namespace: string, name: string, uid?: string): UserInfo {
  return {
    name: accountUser(namespace, name),
    uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, identities.authenticatedGroup],
  };
}
