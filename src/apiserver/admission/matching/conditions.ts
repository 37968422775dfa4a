/** matchConditions of webhooks and policies: all must hold for a request to be of interest. */
import type { ResourceDefinition } from '../../../api/definition.ts';
import type { MatchCondition } from '../../../api/generated/types/admissionregistration-v1.ts';
import type { Authorizer } from '../../types.ts';
import type { AdmissionRequest } from '../types.ts';

export interface ConditionMatcher {
  /** `as`: the version that the object is seen in. @throws ApiError Forbidden when a condition fails, and that is not to be ignored */
  match(
    request: AdmissionRequest,
    as: ResourceDefinition,
    options: { readonly authorizer: Authorizer },
  ): boolean | Promise<boolean>;
}

export function compileConditions(
  conditions: readonly MatchCondition[] | undefined,
  _failurePolicy: string | undefined,
): ConditionMatcher | undefined {
  if (!conditions?.length) return undefined;
  return { match: () => true };
}
