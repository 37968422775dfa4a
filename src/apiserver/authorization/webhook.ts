/** Asks a webhook what somebody may do: a SubjectAccessReview, whose answer is kept for a while (Kubernetes, "Webhook Mode"). */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { ExpiringCache } from '../outgoing/expiring-cache.ts';
import { type EndpointConfig, HttpsEndpoint } from '../outgoing/https-endpoint.ts';
import type { Attributes, Authorizer, Decision } from '../types.ts';

export interface AuthorizationWebhookConfig extends EndpointConfig {
  /** Whether it is asked before the roles, so that it can deny what they allow; default `last`. */
  readonly position?: 'first' | 'last' | undefined;
  /** When it does not answer; default `NoOpinion`. */
  readonly failurePolicy?: 'NoOpinion' | 'Deny' | undefined;
  /** Default 3,000. */
  readonly timeoutMs?: number | undefined;
  /** Default 300. */
  readonly authorizedSeconds?: number | undefined;
  /** Default 30. */
  readonly unauthorizedSeconds?: number | undefined;
}

const defaultTimeoutMs = 3_000;
const maxCached = 10_000;

interface ReviewStatus {
  readonly allowed?: boolean;
  readonly denied?: boolean;
  readonly reason?: string;
}

/** @throws Error for a configuration that cannot be used */
export function webhookAuthorizer(config: AuthorizationWebhookConfig, clock: Clock, logger: Logger): Authorizer {
  const endpoint = new HttpsEndpoint(config);
  const known = new ExpiringCache<Decision>(maxCached, clock);
  const { timeoutMs = defaultTimeoutMs, authorizedSeconds = 300, unauthorizedSeconds = 30 } = config;
  return {
    async authorize(attributes) {
      const spec = reviewSpec(attributes);
      const key = JSON.stringify(spec);
      const kept = known.get(key);
      if (kept) return kept;
      const review = { kind: 'SubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec };
      let status: ReviewStatus;
      try {
        status =
          ((await endpoint.call('POST', review, timeoutMs)) as { status?: ReviewStatus } | undefined)?.status ?? {};
      } catch (error) {
        logger.warn({ webhook: endpoint.url.host, error: String(error) }, 'the authorization webhook did not answer');
        return { allowed: false, reason: '', ...(config.failurePolicy === 'Deny' && { final: true }) };
      }
      const { allowed = false, denied = false, reason = '' } = status;
      const decision: Decision = allowed
        ? { allowed: true }
        : { allowed: false, reason, ...(denied && { final: true }) };
      known.set(key, decision, (allowed ? authorizedSeconds : unauthorizedSeconds) * 1000);
      return decision;
    },
  };
}

function reviewSpec({ user, verb, resource, subresource, namespace, name, path }: Attributes): object {
  const { group = '', version = '', resource: plural = '' } = resource ?? {};
  return {
    user: user.name,
    ...(user.uid && { uid: user.uid }),
    groups: user.groups,
    ...(user.extra && { extra: user.extra }),
    ...(resource
      ? {
          resourceAttributes: {
            verb,
            group,
            version,
            resource: plural,
            ...(subresource && { subresource }),
            ...(namespace && { namespace }),
            ...(name && { name }),
          },
        }
      : { nonResourceAttributes: { verb, path } }),
  };
}
