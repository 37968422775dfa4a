/** What is particular about admission policies and their bindings. */
import type {
  MatchResources,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../generated/types/admissionregistration-v1.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { validateBinding, validatePolicy } from './validate.ts';

function setMatchDefaults(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}

export const policyStrategy = typedStrategy<ValidatingAdmissionPolicy>({
  setDefaults({ spec }) {
    if (!spec) return;
    spec.failurePolicy ??= 'Fail';
    setMatchDefaults(spec.matchConstraints);
  },
  prepareForCreate(policy) {
    policy.status = {};
    firstGeneration(policy);
  },
  prepareForUpdate(policy, old) {
    keepStatus(policy, old);
    moveGeneration(policy, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: validatePolicy,
  validateStatusUpdate: () => [],
});

export const policyBindingStrategy = typedStrategy<ValidatingAdmissionPolicyBinding>({
  setDefaults({ spec }) {
    setMatchDefaults(spec?.matchResources);
  },
  prepareForCreate: firstGeneration,
  prepareForUpdate: moveGeneration,
  validate: validateBinding,
});
