/** Users of an OpenID Connect provider: ID tokens that it signed for this cluster's audience (OpenID Connect Core, 3.1.3.7). */
import { createLocalJWKSet, decodeJwt, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../lib/clock.ts';
import { HttpsEndpoint } from '../outgoing/https-endpoint.ts';
import { identities, type UserInfo } from '../types.ts';
import type { TokenAuthenticator } from './index.ts';
import { TokenError } from './service-account-tokens.ts';

export interface OidcConfig {
  /** As in the token's `iss`; an https URL. */
  readonly issuer: string;
  /** The token must be for one of these (client ids). */
  readonly audiences: readonly string[];
  readonly caFile?: string | undefined;
  /** Default `sub`. */
  readonly usernameClaim?: string | undefined;
  /** Default: the issuer and `#`, but nothing for the claim `email`; `-`: nothing. */
  readonly usernamePrefix?: string | undefined;
  readonly groupsClaim?: string | undefined;
  readonly groupsPrefix?: string | undefined;
  /** Claims that must have these values. */
  readonly requiredClaims?: Readonly<Record<string, string>> | undefined;
  /** Default RS256. */
  readonly signingAlgorithms?: readonly string[] | undefined;
}

const timeoutMs = 10_000;
/** Keys are read again after this long, and for a key that is not known, but not more often than the second. */
const keysLifeMs = 10 * 60_000;
const keysPauseMs = 10_000;

/** @throws Error for a configuration that cannot be used */
export function oidcTokens(config: OidcConfig, clock: Clock): TokenAuthenticator {
  const issuer = config.issuer.replace(/\/$/, '');
  const endpoint = new HttpsEndpoint({ url: `${issuer}/.well-known/openid-configuration`, caFile: config.caFile });
  if (config.audiences.length === 0) throw new Error(`OIDC issuer ${issuer}: name at least one audience`);
  let keys: Promise<ReturnType<typeof createLocalJWKSet>> | undefined;
  let readMs = Number.NEGATIVE_INFINITY;

  const read = async () => {
    const discovered = (await endpoint.call('GET', undefined, timeoutMs)) as { issuer?: string; jwks_uri?: string };
    if (discovered.issuer !== config.issuer) throw new Error(`it calls itself ${JSON.stringify(discovered.issuer)}`);
    const url = new URL(discovered.jwks_uri ?? '');
    if (url.protocol !== 'https:') throw new Error('its keys are not served over https');
    return createLocalJWKSet((await endpoint.call('GET', undefined, timeoutMs, url)) as JSONWebKeySet);
  };
  const keysNow = (afresh: boolean) => {
    const age = clock.monotonicMs() - readMs;
    if (!keys || age > keysLifeMs || (afresh && age > keysPauseMs)) {
      readMs = clock.monotonicMs();
      keys = read();
      keys.catch(() => {
        keys = undefined;
      });
    }
    return keys;
  };
  const verify = async (token: string, afresh: boolean): Promise<JWTPayload> => {
    const { payload } = await jwtVerify(token, await keysNow(afresh), {
      issuer: config.issuer,
      audience: [...config.audiences],
      algorithms: [...(config.signingAlgorithms ?? ['RS256'])],
      requiredClaims: ['exp'],
      currentDate: new Date(clock.nowMs()),
    });
    return payload;
  };

  return async (token, audiences) => {
    if (issuerOf(token) !== config.issuer) return undefined;
    try {
      const claims = await verify(token, false).catch((error: unknown) => {
        // The provider may have changed its keys.
        if (error instanceof errors.JWKSNoMatchingKey) return verify(token, true);
        throw error;
      });
      return { user: oidcUser(config, claims), audiences: audiences ?? [] };
    } catch (cause) {
      throw new TokenError(`OIDC: ${(cause as Error).message}`, { cause });
    }
  };
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** Pure. @throws Error for claims that name nobody */
export function oidcUser(config: OidcConfig, claims: JWTPayload): UserInfo {
  const { usernameClaim = 'sub', groupsClaim, groupsPrefix = '', requiredClaims = {} } = config;
  for (const [name, value] of Object.entries(requiredClaims)) {
    if (claims[name] !== value) throw new Error(`required claim ${name} is not ${JSON.stringify(value)}`);
  }
  const name = claims[usernameClaim];
  if (typeof name !== 'string' || name === '') throw new Error(`the token has no claim ${usernameClaim}`);
  if (usernameClaim === 'email' && claims.email_verified === false) throw new Error('the email is not verified');
  const given = groupsClaim === undefined ? [] : claims[groupsClaim];
  const groups = (Array.isArray(given) ? given : [given]).filter((one): one is string => typeof one === 'string');
  const defaultPrefix = usernameClaim === 'email' ? '' : `${config.issuer}#`;
  const prefix = config.usernamePrefix === '-' ? '' : (config.usernamePrefix ?? defaultPrefix);
  const prefixed = groups.map((group) => `${groupsPrefix}${group}`);
  return { name: `${prefix}${name}`, groups: [...new Set([...prefixed, identities.authenticatedGroup])] };
}
