/** Asks a webhook who sent a token: a TokenReview, whose answer is kept for a while (Kubernetes, "Webhook Token Authentication"). */
import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { ExpiringCache } from '../outgoing/expiring-cache.ts';
import { type EndpointConfig, HttpsEndpoint } from '../outgoing/https-endpoint.ts';
import { identities } from '../types.ts';
import type { TokenAuthenticator } from './index.ts';
import { TokenError, type VerifiedToken } from './service-account-tokens.ts';

export interface TokenWebhookConfig extends EndpointConfig {
  /** Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Default 120. */
  readonly cacheSeconds?: number | undefined;
}

const defaultTimeoutMs = 10_000;
const defaultCacheSeconds = 120;
const maxCached = 4_096;

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly error?: string;
  readonly audiences?: readonly string[];
  readonly user?: {
    readonly username?: string;
    readonly uid?: string;
    readonly groups?: readonly string[];
    readonly extra?: Record<string, readonly string[]>;
  };
}

/** `defaultAudiences`: of tokens for this API. @throws Error for a configuration that cannot be used */
export function webhookTokens(
  config: TokenWebhookConfig,
  defaultAudiences: readonly string[],
  clock: Clock,
): TokenAuthenticator {
  const endpoint = new HttpsEndpoint(config);
  const known = new ExpiringCache<VerifiedToken | null>(maxCached, clock);
  const { timeoutMs = defaultTimeoutMs, cacheSeconds = defaultCacheSeconds } = config;
  return async (token, audiences = defaultAudiences) => {
    // Tokens themselves are not kept.
    const key = createHash('sha256')
      .update(JSON.stringify([token, audiences]))
      .digest('base64');
    const kept = known.get(key);
    if (kept !== undefined) return kept ?? undefined;
    const review = {
      kind: 'TokenReview',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {},
      spec: { token, audiences },
    };
    const answer = (await endpoint.call('POST', review, timeoutMs).catch((cause: unknown) => {
      throw new TokenError(`the token webhook did not answer: ${(cause as Error).message}`, { cause });
    })) as { status?: ReviewStatus } | undefined;
    const verified = verifiedOf(answer?.status ?? {}, audiences);
    known.set(key, verified ?? null, cacheSeconds * 1000);
    return verified;
  };
}

function verifiedOf(status: ReviewStatus, audiences: readonly string[]): VerifiedToken | undefined {
  const { username, uid, groups = [], extra } = status.user ?? {};
  if (!status.authenticated || !username) return undefined;
  // Webhooks that know of no audiences answer for this API.
  const common = status.audiences ? status.audiences.filter((one) => audiences.includes(one)) : [...audiences];
  if (common.length === 0) return undefined;
  const all = [...new Set([...groups, identities.authenticatedGroup])];
  return { user: { name: username, uid, groups: all, ...(extra && { extra }) }, audiences: common };
}
