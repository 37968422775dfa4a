/**
 * Who is calling. A certificate of the cluster's CA, or a bearer token; who shows neither is `system:anonymous`, whom the default roles
 * let see little more than versions and health. What is shown and does not hold is a 401, never taken for nothing.
 */
import { ApiError } from '../../api/status.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { Store } from '../../store/types.ts';
import { identities, type UserInfo } from '../types.ts';
import { bootstrapTokenUser } from './bootstrap-tokens.ts';
import { type ServiceAccountTokens, TokenError, type VerifiedToken } from './service-account-tokens.ts';

export const anonymousUser: UserInfo = { name: 'system:anonymous', groups: [identities.unauthenticatedGroup] };

/** Tells who sent a token that is not of this cluster (OIDC, webhook); undefined: not one of its own. @throws TokenError */
export type TokenAuthenticator = (
  token: string,
  audiences: readonly string[] | undefined,
) => Promise<VerifiedToken | undefined>;

export interface AuthenticatorOptions {
  readonly store: Pick<Store, 'get'>;
  readonly tokens?: ServiceAccountTokens | undefined;
  readonly others?: readonly TokenAuthenticator[];
  readonly clock?: Clock;
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  get tokens(): ServiceAccountTokens | undefined {
    return this.#options.tokens;
  }

  /** `certificate`: whom the connection's certificate names. `authorization`: the header. @throws ApiError Unauthorized */
  async authenticate(certificate: UserInfo | undefined, authorization: string | undefined): Promise<UserInfo> {
    if (certificate) return certificate;
    if (authorization === undefined) return anonymousUser;
    const [scheme = '', token = ''] = authorization.trim().split(/\s+/, 2);
    if (scheme.toLowerCase() !== 'bearer') return anonymousUser;
    try {
      return (await this.authenticateToken(token)).user;
    } catch (error) {
      if (error instanceof TokenError) throw new ApiError('Unauthorized', 'Unauthorized', undefined, { cause: error });
      throw error;
    }
  }

  /** @throws TokenError */
  async authenticateToken(token: string, audiences?: readonly string[]): Promise<VerifiedToken> {
    const { store, tokens, others = [], clock = systemClock } = this.#options;
    if (token === '') throw new TokenError('the token is empty');
    if (tokens?.isOurs(token)) return tokens.verify(token, audiences);
    const user = bootstrapTokenUser(store, clock, token);
    if (user) return { user, audiences: audiences ?? [] };
    for (const other of others) {
      const verified = await other(token, audiences);
      if (verified) return verified;
    }
    throw new TokenError('nobody here knows the token');
  }
}
