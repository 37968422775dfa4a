/** authentication.k8s.io/v1 SelfSubjectReview: `kubectl auth whoami`. */
import type { SelfSubjectReview } from '../../api/generated/types/authentication-v1.ts';
import { virtualKind } from './define-virtual.ts';
import type { VirtualResource } from './index.ts';

export const selfSubjectReview: VirtualResource = {
  ...virtualKind('authentication.k8s.io', 'SelfSubjectReview', 'selfsubjectreviews'),
  async answer(api, { user }, body) {
    api.decode(this, body);
    const review: SelfSubjectReview = {
      kind: 'SelfSubjectReview',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {},
      status: {
        userInfo: {
          username: user.name,
          groups: [...user.groups],
          uid: user.uid,
          ...(user.extra && { extra: extraOf(user.extra) }),
        },
      },
    };
    return review;
  },
};

function extraOf(extra: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
}
