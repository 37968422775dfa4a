/** admissionregistration.k8s.io/v1 MutatingWebhookConfiguration and ValidatingWebhookConfiguration. */
import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../../generated/types/admissionregistration-v1.ts';
import { column } from '../../table/column.ts';
import { defineKind } from '../define.ts';
import { webhookStrategy } from './strategy.ts';

const common = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  namespaced: false,
  categories: ['api-extensions'],
  needsResourceVersion: true,
  columns: [
    column<MutatingWebhookConfiguration | ValidatingWebhookConfiguration>(
      'Webhooks',
      'How many webhooks it has.',
      ({ webhooks }) => webhooks?.length ?? 0,
      { type: 'integer' },
    ),
  ],
} as const;

export const mutatingWebhookConfigurationDefinition = defineKind({
  ...common,
  kind: 'MutatingWebhookConfiguration',
  resource: 'mutatingwebhookconfigurations',
  strategy: webhookStrategy(true),
});

export const validatingWebhookConfigurationDefinition = defineKind({
  ...common,
  kind: 'ValidatingWebhookConfiguration',
  resource: 'validatingwebhookconfigurations',
  strategy: webhookStrategy(false),
});
