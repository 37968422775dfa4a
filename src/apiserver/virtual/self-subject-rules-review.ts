/** authorization.k8s.io/v1 SelfSubjectRulesReview: `kubectl auth can-i --list`. */
import type { SelfSubjectRulesReview } from '../../api/generated/types/authorization-v1.ts';
import { ApiError } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { virtualKind } from './define-virtual.ts';
import type { VirtualResource } from './index.ts';

export const selfSubjectRulesReview: VirtualResource = {
  ...virtualKind('authorization.k8s.io', 'SelfSubjectRulesReview', 'selfsubjectrulesreviews'),
  async answer(api, { user }, body) {
    const review = api.decode(this, body) as KubernetesObject & SelfSubjectRulesReview;
    const namespace = review.spec?.namespace;
    if (!namespace) throw new ApiError('BadRequest', 'no namespace on request');
    const rules = api.policy.rulesFor(user, namespace);
    const resourceRules = rules
      .filter((rule) => rule.resources?.length)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames?.length && { resourceNames }),
      }));
    const nonResourceRules = rules
      .filter((rule) => rule.nonResourceURLs?.length)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
    return { ...review, metadata: {}, status: { resourceRules, nonResourceRules, incomplete: false } };
  },
};
