/** The admission plugins that are on, in upstream's order. Each says itself whether it completes, judges, or both. */
import { defaultTolerations } from './default-tolerations.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { priority } from './priority.ts';
import { serviceAccount } from './service-account.ts';
import type { AdmissionPlugin } from './types.ts';
import { mutatingWebhooks, type WebhookOptions } from './webhooks/mutating.ts';
import { validatingWebhooks } from './webhooks/validating.ts';

export interface DefaultAdmissionOptions extends WebhookOptions {
  /** Judge after all built-in ones. */
  readonly others: readonly AdmissionPlugin[];
}

export function defaultAdmission(options: DefaultAdmissionOptions): readonly AdmissionPlugin[] {
  const { store, others } = options;
  return [
    namespaceLifecycle,
    limitRanger(store),
    serviceAccount(store),
    nodeRestriction(store),
    priority(store),
    defaultTolerations,
    ...others,
    mutatingWebhooks(options),
    validatingWebhooks(options),
  ];
}
