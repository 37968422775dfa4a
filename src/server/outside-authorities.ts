/** Who outside of the cluster tells who somebody is and what they may do, as the configuration names them. */
import { oidcTokens } from '../apiserver/authentication/oidc.ts';
import { webhookTokens } from '../apiserver/authentication/webhook.ts';
import { webhookAuthorizer } from '../apiserver/authorization/webhook.ts';
import type { ApiServerConfig } from '../apiserver/config.ts';
import type { ResourceApiOptions } from '../apiserver/resource-api.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

/** `issuer`: of service-account tokens, which is also this API's audience. @throws Error for what cannot be used */
export function outsideAuthorities(
  { authentication = {}, authorization = {} }: ApiServerConfig,
  issuer: string,
  logger: Logger,
): Pick<ResourceApiOptions, 'tokenAuthenticators' | 'otherAuthorizers'> {
  const { oidc = [], webhook } = authentication;
  const { webhooks = [] } = authorization;
  const authorizers = (place: 'first' | 'last') =>
    webhooks
      .filter(({ position = 'last' }) => position === place)
      .map((one) => webhookAuthorizer(one, systemClock, logger));
  return {
    tokenAuthenticators: [
      ...oidc.map((one) => oidcTokens(one, systemClock)),
      ...(webhook ? [webhookTokens(webhook, [issuer], systemClock)] : []),
    ],
    otherAuthorizers: { first: authorizers('first'), last: authorizers('last') },
  };
}
