/** authorization.k8s.io/v1 SelfSubjectAccessReview: `kubectl auth can-i`. */
import type { SelfSubjectAccessReview } from '../../api/generated/types/authorization-v1.ts';
import { fieldInvalid, invalid } from '../../api/meta/field-error.ts';
import type { KubernetesObject } from '../../api/types.ts';
import type { Attributes, UserInfo } from '../types.ts';
import { virtualKind } from './define-virtual.ts';
import type { VirtualResource } from './index.ts';

export const selfSubjectAccessReview: VirtualResource = {
  ...virtualKind('authorization.k8s.io', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews'),
  async answer(api, { user }, body) {
    const review = api.decode(this, body) as KubernetesObject & SelfSubjectAccessReview;
    const attributes = attributesOf(review, user);
    if (!attributes) {
      throw invalid(this, '', [
        fieldInvalid(
          'spec.resourceAttributes',
          review.spec?.resourceAttributes,
          'exactly one of nonResourceAttributes or resourceAttributes must be specified',
        ),
      ]);
    }
    const decision = await api.authorizer.authorize(attributes);
    const status = decision.allowed ? { allowed: true } : { allowed: false, reason: decision.reason };
    return { ...review, metadata: {}, status };
  },
};

function attributesOf(review: SelfSubjectAccessReview, user: UserInfo): Attributes | undefined {
  const { resourceAttributes, nonResourceAttributes } = review.spec ?? {};
  if ((resourceAttributes === undefined) === (nonResourceAttributes === undefined)) return undefined;
  if (nonResourceAttributes) {
    return { user, verb: nonResourceAttributes.verb ?? '', path: nonResourceAttributes.path ?? '' };
  }
  const {
    group = '',
    version = 'v1',
    resource = '',
    subresource,
    namespace,
    name,
    verb = '',
  } = resourceAttributes ?? {};
  return {
    user,
    verb,
    resource: { group, version, resource },
    subresource: subresource || undefined,
    namespace: namespace || undefined,
    name: name || undefined,
    path: '',
  };
}
