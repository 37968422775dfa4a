/** Resources that are never stored: a POST asks, the answer comes back at once. */
import type { ServedResource } from '../../api/discovery/groups.ts';
import type { GroupVersionResource } from '../../api/types.ts';
import type { Body } from '../body.ts';
import { methodNotAllowed } from '../errors.ts';
import type { ResourceApi } from '../resource-api.ts';
import type { Target } from '../target.ts';
import type { RequestContext } from '../types.ts';
import { localSubjectAccessReview, selfSubjectAccessReview, subjectAccessReview } from './access-review.ts';
import { selfSubjectReview } from './self-subject-review.ts';
import { selfSubjectRulesReview } from './self-subject-rules-review.ts';
import { tokenReview } from './token-review.ts';

export interface VirtualResource extends ServedResource {
  answer(api: ResourceApi, context: RequestContext, body: Body, target: Target): Promise<object>;
}

export const virtualResources: readonly VirtualResource[] = [
  selfSubjectReview,
  selfSubjectAccessReview,
  subjectAccessReview,
  localSubjectAccessReview,
  selfSubjectRulesReview,
  tokenReview,
];

function find(resource: GroupVersionResource): VirtualResource | undefined {
  return virtualResources.find(
    (one) => one.resource === resource.resource && one.group === resource.group && one.version === resource.version,
  );
}

/** Undefined when the target is none of these. @throws ApiError MethodNotAllowed */
export function createVirtual(
  api: ResourceApi,
  context: RequestContext,
  target: Target,
  verb: string,
): ((body: Body) => Promise<object>) | undefined {
  const resource = find(target.resource);
  if (!resource || target.subresource !== undefined) return undefined;
  if (verb !== 'create' || target.name !== undefined) throw methodNotAllowed(resource, verb);
  return async (body) => {
    await api.authorize(context, target, 'create');
    return resource.answer(api, context, body, target);
  };
}
