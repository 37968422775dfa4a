/** The admission plugins that are on, in upstream's order. Each says itself whether it completes, judges, or both. */
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../../store/types.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './certificates.ts';
import { claimResize } from './claim-resize.ts';
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts';
import { defaultTolerations } from './default-tolerations.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { nodeTaint } from './node-taint.ts';
import { podSecurity } from './pod-security.ts';
import { validatingPolicies } from './policies/validating-policies.ts';
import { priority } from './priority.ts';
import { resourceQuota } from './resource-quota.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { storageProtection } from './storage-protection.ts';
import { topologyLabels } from './topology-labels.ts';
import type { AdmissionPlugin } from './types.ts';
import { mutatingWebhooks, type WebhookOptions } from './webhooks/mutating.ts';
import { validatingWebhooks } from './webhooks/validating.ts';

export interface DefaultAdmissionOptions extends WebhookOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Judge after all built-in ones. */
  readonly others: readonly AdmissionPlugin[];
}

export function defaultAdmission(options: DefaultAdmissionOptions): readonly AdmissionPlugin[] {
  const { store, others, clock, authorizer } = options;
  return [
    namespaceLifecycle,
    limitRanger(store),
    serviceAccount(store),
    nodeRestriction(store),
    nodeTaint,
    podSecurity(store),
    priority(store),
    defaultTolerations,
    defaultStorageClass(store),
    storageProtection,
    claimResize(store),
    runtimeClass(store),
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction,
    defaultIngressClass(store),
    topologyLabels(store),
    ...others,
    mutatingWebhooks(options),
    validatingPolicies(options),
    validatingWebhooks(options),
    // Last: what is refused for another reason must not be charged.
    resourceQuota(store, clock),
  ];
}
