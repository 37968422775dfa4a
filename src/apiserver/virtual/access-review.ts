/** authorization.k8s.io/v1 SubjectAccessReview, LocalSubjectAccessReview and SelfSubjectAccessReview: may somebody do something? */
import type { SubjectAccessReview } from '../../api/generated/types/authorization-v1.ts';
import { fieldInvalid, invalid } from '../../api/meta/field-error.ts';
import { ApiError } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import type { ResourceApi } from '../resource-api.ts';
import type { Attributes, UserInfo } from '../types.ts';
import { virtualKind } from './define-virtual.ts';
import type { VirtualResource } from './index.ts';

const group = 'authorization.k8s.io';

type Review = KubernetesObject & SubjectAccessReview;

export const selfSubjectAccessReview: VirtualResource = {
  ...virtualKind(group, 'SelfSubjectAccessReview', 'selfsubjectaccessreviews'),
  async answer(api, { user }, body) {
    const review = api.decode(this, body) as Review;
    return answer(api, this, review, user);
  },
};

export const subjectAccessReview: VirtualResource = {
  ...virtualKind(group, 'SubjectAccessReview', 'subjectaccessreviews'),
  async answer(api, _context, body) {
    const review = api.decode(this, body) as Review;
    return answer(api, this, review, subjectOf(this, review));
  },
};

export const localSubjectAccessReview: VirtualResource = {
  ...virtualKind(group, 'LocalSubjectAccessReview', 'localsubjectaccessreviews'),
  namespaced: true,
  async answer(api, _context, body, target) {
    const review = api.decode(this, body) as Review;
    const namespace = review.spec?.resourceAttributes?.namespace;
    if (review.spec?.nonResourceAttributes) {
      throw invalid(this, '', [
        fieldInvalid(
          'spec.nonResourceAttributes',
          review.spec.nonResourceAttributes,
          'disallowed on this kind of request',
        ),
      ]);
    }
    if (namespace !== target.namespace) {
      throw new ApiError(
        'BadRequest',
        `spec.resourceAttributes.namespace must match namespace: ${target.namespace ?? ''}`,
      );
    }
    return answer(api, this, review, subjectOf(this, review));
  },
};

async function answer(api: ResourceApi, kind: VirtualResource, review: Review, user: UserInfo): Promise<object> {
  const attributes = attributesOf(review, user);
  if (!attributes) {
    throw invalid(kind, '', [
      fieldInvalid(
        'spec.resourceAttributes',
        review.spec?.resourceAttributes,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    ]);
  }
  const decision = await api.authorizer.authorize(attributes);
  const status = decision.allowed
    ? { allowed: true }
    : {
        allowed: false,
        ...(decision.final && { denied: true }),
        ...(decision.reason !== '' && { reason: decision.reason }),
      };
  return { ...review, metadata: {}, status };
}

function subjectOf(kind: VirtualResource, { spec }: Review): UserInfo {
  if (!spec?.user && !spec?.groups?.length) {
    throw invalid(kind, '', [fieldInvalid('spec.user', spec?.user, 'at least one of user or group must be specified')]);
  }
  return { name: spec.user ?? '', groups: spec.groups ?? [], uid: spec.uid, extra: spec.extra };
}

function attributesOf(review: Review, user: UserInfo): Attributes | undefined {
  const { resourceAttributes, nonResourceAttributes } = review.spec ?? {};
  if ((resourceAttributes === undefined) === (nonResourceAttributes === undefined)) return undefined;
  if (nonResourceAttributes) {
    return { user, verb: nonResourceAttributes.verb ?? '', path: nonResourceAttributes.path ?? '' };
  }
  const {
    group = '',
    version = '*',
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
