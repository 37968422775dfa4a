/** What is particular about roles and their bindings. */
import type { FieldError, Strategy } from '../../definition.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  RoleBinding,
  Subject,
} from '../../generated/types/rbac-v1.ts';
import { fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { dns1123Subdomain, validPathSegment } from '../../meta/names.ts';
import { each, matches, oneOf, required, requiredName } from '../checks.ts';
import { sameJson, typedStrategy } from '../strategy.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

/** `namespaced`: of a Role. */
export function roleStrategy(namespaced: boolean): Strategy {
  return typedStrategy<ClusterRole>({
    validateName: validPathSegment,
    validate({ rules, aggregationRule }) {
      const errors = each('rules', rules, (rule, field) => validateRule(rule, namespaced, field));
      if (!aggregationRule) return errors;
      const field = 'aggregationRule.clusterRoleSelectors';
      const selectors = aggregationRule.clusterRoleSelectors ?? [];
      if (selectors.length === 0) {
        const detail = 'at least one clusterRoleSelector required if aggregationRule is non-nil';
        errors.push(fieldRequired(field, detail));
      }
      return [...errors, ...each(field, selectors, (selector, here) => validateLabelSelector(selector, here))];
    },
  });
}

function validateRule(rule: PolicyRule, namespaced: boolean, field: string): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const errors: FieldError[] = [];
  if (verbs.length === 0) errors.push(fieldRequired(`${field}.verbs`, 'verbs must contain at least one value'));
  if (nonResourceURLs.length > 0) {
    const here = `${field}.nonResourceURLs`;
    if (namespaced) {
      errors.push(fieldInvalid(here, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    }
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      const detail = 'rules cannot apply to both regular resources and non-resource URLs';
      errors.push(fieldInvalid(here, nonResourceURLs, detail));
    }
    return errors;
  }
  if (apiGroups.length === 0) {
    errors.push(fieldRequired(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (resources.length === 0) {
    errors.push(fieldRequired(`${field}.resources`, 'resource rules must supply at least one resource'));
  }
  return errors;
}

/** Who is bound may change, to what may not. `namespaced`: of a RoleBinding. */
export function bindingStrategy(namespaced: boolean): Strategy {
  return typedStrategy<RoleBinding | ClusterRoleBinding>({
    validateName: validPathSegment,
    setDefaults({ roleRef, subjects }) {
      if (roleRef) roleRef.apiGroup ||= rbacGroup;
      for (const subject of subjects ?? []) {
        if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup;
      }
    },
    validate({ roleRef, subjects }) {
      return [
        ...oneOf('roleRef.apiGroup', roleRef?.apiGroup ?? '', [rbacGroup]),
        ...oneOf('roleRef.kind', roleRef?.kind ?? '', namespaced ? ['ClusterRole', 'Role'] : ['ClusterRole']),
        ...requiredName('roleRef.name', roleRef?.name, validPathSegment),
        ...each('subjects', subjects, (subject, field) => validateSubject(subject, namespaced, field)),
      ];
    },
    validateUpdate(binding, old) {
      if (sameJson(binding.roleRef, old.roleRef)) return [];
      return [fieldInvalid('roleRef', binding.roleRef, 'cannot change roleRef')];
    },
  });
}

function validateSubject(
  { kind, name, namespace, apiGroup }: Subject,
  namespaced: boolean,
  field: string,
): FieldError[] {
  const errors = required(`${field}.name`, name);
  switch (kind) {
    case 'ServiceAccount':
      errors.push(...matches(`${field}.name`, name, dns1123Subdomain));
      if (apiGroup) errors.push(fieldNotSupported(`${field}.apiGroup`, apiGroup, ['']));
      if (!namespaced) errors.push(...required(`${field}.namespace`, namespace));
      return errors;
    case 'User':
    case 'Group':
      return [...errors, ...oneOf(`${field}.apiGroup`, apiGroup ?? '', [rbacGroup])];
    default:
      return [...errors, fieldNotSupported(`${field}.kind`, kind, ['Group', 'ServiceAccount', 'User'])];
  }
}
