/** FlowSchemas. */
import type { FieldError } from '../../definition.ts';
import type { FlowSchema, PolicyRulesWithSubjects, Subject } from '../../generated/types/flowcontrol-v1.ts';
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '../../meta/names.ts';
import { each, matches, oneOf, required, requiredName } from '../checks.ts';

const maxPrecedence = 10_000;
const verbs = ['*', 'create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
/** Field of each kind of subject. */
const members = { User: 'user', Group: 'group', ServiceAccount: 'serviceAccount' } as const;

export function validateFlowSchema({ metadata, spec = {} as never }: FlowSchema): FieldError[] {
  const { matchingPrecedence: precedence = 0, priorityLevelConfiguration: level, distinguisherMethod, rules } = spec;
  const errors: FieldError[] = [];
  if (precedence <= 0) {
    errors.push(fieldInvalid('spec.matchingPrecedence', precedence, 'must be a positive value'));
  }
  if (precedence > maxPrecedence) {
    const detail = `must not be greater than ${maxPrecedence}`;
    errors.push(fieldInvalid('spec.matchingPrecedence', precedence, detail));
  }
  if (precedence === 1 && metadata?.name !== 'exempt') {
    const detail = "only the schema named 'exempt' may have matchingPrecedence 1";
    errors.push(fieldInvalid('spec.matchingPrecedence', precedence, detail));
  }
  return [
    ...errors,
    ...(distinguisherMethod
      ? oneOf('spec.distinguisherMethod.type', distinguisherMethod.type, ['ByNamespace', 'ByUser'])
      : []),
    ...requiredName('spec.priorityLevelConfiguration.name', level?.name, dns1123Subdomain),
    ...each('spec.rules', rules, validateRule),
  ];
}

function validateRule(rule: PolicyRulesWithSubjects, field: string): FieldError[] {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  const errors: FieldError[] = [];
  if (subjects.length === 0)
    errors.push(fieldRequired(`${field}.subjects`, 'subjects must contain at least one value'));
  errors.push(...each(`${field}.subjects`, subjects, validateSubject));
  if (resourceRules.length + nonResourceRules.length === 0) {
    errors.push(fieldRequired(field, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  }
  return [
    ...errors,
    ...each(`${field}.resourceRules`, resourceRules, (one, here) => {
      const { clusterScope = false, namespaces = [] } = one;
      const found = [
        ...list(`${here}.verbs`, one.verbs, verbs),
        ...list(`${here}.apiGroups`, one.apiGroups),
        ...list(`${here}.resources`, one.resources),
      ];
      if (namespaces.length === 0 && !clusterScope) {
        const detail = 'resource rules that are not cluster scoped must supply at least one namespace';
        found.push(fieldRequired(`${here}.namespaces`, detail));
      }
      if (namespaces.length > 1 && namespaces.includes('*')) {
        found.push(
          fieldInvalid(`${here}.namespaces`, namespaces, "if '*' is present, must not specify other namespaces"),
        );
      }
      return [
        ...found,
        ...each(`${here}.namespaces`, namespaces, (name, at) => (name === '*' ? [] : matches(at, name, dns1123Label))),
      ];
    }),
    ...each(`${field}.nonResourceRules`, nonResourceRules, (one, here) => [
      ...list(`${here}.verbs`, one.verbs),
      ...list(`${here}.nonResourceURLs`, one.nonResourceURLs),
    ]),
  ];
}

/** Not empty; `*` alone; of a closed set where there is one. */
function list(field: string, items: readonly string[] | undefined, allowed?: readonly string[]): FieldError[] {
  const given = items ?? [];
  const what = field.slice(field.lastIndexOf('.') + 1);
  if (given.length === 0) return [fieldRequired(field, `${what} must contain at least one value`)];
  if (given.length > 1 && given.includes('*')) {
    return [fieldInvalid(field, given, `if '*' is present, must not specify other ${what}`)];
  }
  const unknown = allowed ? given.filter((item) => !allowed.includes(item)) : [];
  return unknown.length > 0 ? [fieldNotSupported(field, unknown, allowed ?? [])] : [];
}

function validateSubject(subject: Subject, field: string): FieldError[] {
  const { kind, user, group, serviceAccount } = subject;
  const expected = members[kind as keyof typeof members];
  if (!expected) return [fieldNotSupported(`${field}.kind`, kind, Object.keys(members))];
  const errors = Object.values(members)
    .filter((name) => name !== expected && subject[name])
    .map((name) => fieldForbidden(`${field}.${name}`, `${name} is forbidden when subject kind is not '${name}'`));
  if (!subject[expected]) {
    return [...errors, fieldRequired(`${field}.${expected}`, `${expected} is required when subject kind is '${kind}'`)];
  }
  if (user) errors.push(...required(`${field}.user.name`, user.name));
  if (group) errors.push(...required(`${field}.group.name`, group.name));
  if (!serviceAccount) return errors;
  const { name, namespace } = serviceAccount;
  return [
    ...errors,
    ...(name === '*' ? [] : requiredName(`${field}.serviceAccount.name`, name, dns1123Subdomain)),
    ...requiredName(`${field}.serviceAccount.namespace`, namespace, dns1123Label),
  ];
}
