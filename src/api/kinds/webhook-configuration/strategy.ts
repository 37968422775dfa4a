/** What is particular about configurations of webhooks. */
import type { Strategy } from '../../definition.ts';
import type { MutatingWebhook, MutatingWebhookConfiguration } from '../../generated/types/admissionregistration-v1.ts';
import { each, unique } from '../checks.ts';
import { firstGeneration, sameJson, typedStrategy } from '../strategy.ts';
import { validateWebhook } from './validate.ts';

const timeoutSeconds = 10;
const servicePort = 443;

export function webhookStrategy(mutating: boolean): Strategy {
  return typedStrategy<MutatingWebhookConfiguration>({
    setDefaults({ webhooks }) {
      for (const webhook of webhooks ?? []) setWebhookDefaults(webhook, mutating);
    },
    prepareForCreate: firstGeneration,
    prepareForUpdate(configuration, old) {
      const before = old.metadata?.generation ?? 0;
      const generation = sameJson(configuration.webhooks, old.webhooks) ? before : before + 1;
      configuration.metadata = { ...configuration.metadata, generation };
    },
    validate: ({ webhooks }) => [
      ...each('webhooks', webhooks, validateWebhook),
      ...unique(
        webhooks,
        ({ name }) => name,
        (index) => `webhooks[${index}].name`,
      ),
    ],
  });
}

function setWebhookDefaults(webhook: MutatingWebhook, mutating: boolean): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= timeoutSeconds;
  if (mutating) webhook.reinvocationPolicy ??= 'Never';
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= servicePort;
  for (const rule of webhook.rules ?? []) rule.scope ??= '*';
}
