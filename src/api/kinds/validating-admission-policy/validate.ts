/** Admission policies and their bindings. Whether an expression compiles is not looked at here. */

import type { CelEnvironment, celTypes } from '../../../lib/cel/index.ts';
import {
  admissionEnvironment,
  boolType,
  compileAdmission,
  dynType,
  nullType,
  stringType,
} from '../../cel/admission.ts';
import type { FieldError } from '../../definition.ts';
import type {
  MatchResources,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../generated/types/admissionregistration-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { dns1123Label, dns1123Subdomain, validPathSegment, validQualifiedName } from '../../meta/names.ts';
import { atMost, each, matches, oneOf, required, requiredName, requiredOneOf, unique } from '../checks.ts';
import { validateExpression } from '../expressions.ts';
import { validateMatchConditions, validateRule } from '../webhook-configuration/validate.ts';

type CelType = celTypes.CelType;

const maxAuditAnnotations = 20;
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const actions = ['Audit', 'Deny', 'Warn'];
const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;

export function validatePolicy({ metadata, spec = {} }: ValidatingAdmissionPolicy): FieldError[] {
  const { validations = [], auditAnnotations = [], variables = [], paramKind, matchConstraints } = spec;
  const errors: FieldError[] = [];
  const params = paramKind !== undefined;
  const declared = new Map<string, CelType>();
  const environment = (authorizer: boolean) => admissionEnvironment({ params, authorizer, variables: declared });
  if (validations.length + auditAnnotations.length === 0) {
    const detail = 'validations or auditAnnotations must contain at least one item';
    errors.push(fieldRequired('spec.validations', detail), fieldRequired('spec.auditAnnotations', detail));
  }
  return [
    ...oneOf('spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore']),
    ...(paramKind ? validateParamKind(paramKind, 'spec.paramKind') : []),
    ...(matchConstraints
      ? validateMatch(matchConstraints, 'spec.matchConstraints', true)
      : [fieldRequired('spec.matchConstraints')]),
    ...validateMatchConditions(spec.matchConditions, 'spec.matchConditions', params),
    ...each('spec.variables', variables, ({ name, expression }, field) => [
      ...(name && !identifier.test(name)
        ? [fieldInvalid(`${field}.name`, name, 'name is not a valid CEL identifier')]
        : []),
      ...(name ? [] : [fieldRequired(`${field}.name`, 'name is not specified')]),
      ...(expression?.trim() ? [] : [fieldRequired(`${field}.expression`, 'expression is not specified')]),
      ...declareVariable(declared, name, expression, environment(true), `${field}.expression`),
    ]),
    ...errors,
    ...each('spec.validations', validations, ({ expression, message = '', messageExpression, reason }, field) => [
      ...(expression?.trim() ? [] : [fieldRequired(`${field}.expression`, 'expression is not specified')]),
      ...validateExpression(`${field}.expression`, expression, environment(true), [boolType]),
      ...validateExpression(`${field}.messageExpression`, messageExpression, environment(false), [stringType]),
      ...(message.includes('\n')
        ? [fieldInvalid(`${field}.message`, message, 'message must not contain line breaks')]
        : []),
      ...oneOf(`${field}.reason`, reason, reasons),
    ]),
    ...atMost('spec.auditAnnotations', auditAnnotations, maxAuditAnnotations),
    ...each('spec.auditAnnotations', auditAnnotations, ({ key, valueExpression }, field) => [
      ...requiredName(`${field}.key`, key && `${metadata?.name ?? ''}/${key}`, validQualifiedName),
      ...(valueExpression?.trim()
        ? []
        : [fieldRequired(`${field}.valueExpression`, 'valueExpression is not specified')]),
      ...validateExpression(`${field}.valueExpression`, valueExpression, environment(true), [stringType, nullType]),
    ]),
    ...unique(
      auditAnnotations,
      ({ key }) => key,
      (index) => `spec.auditAnnotations[${index}].key`,
    ),
  ];
}

/** Those after it may use it. One that does not compile counts as of any type, so that it is told of once. */
function declareVariable(
  declared: Map<string, CelType>,
  name: string | undefined,
  expression: string | undefined,
  environment: CelEnvironment,
  field: string,
): FieldError[] {
  const errors = validateExpression(field, expression, environment, undefined);
  if (!name) return errors;
  const isSound = errors.length === 0 && expression?.trim();
  declared.set(name, isSound ? compileAdmission(expression!, environment, undefined).resultType : dynType);
  return errors;
}

function validateParamKind({ apiVersion, kind }: ParamKind, field: string): FieldError[] {
  const errors = required(`${field}.apiVersion`, apiVersion);
  const [group, version] = apiVersion?.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  errors.push(
    ...matches(`${field}.apiVersion`, group, dns1123Subdomain),
    ...matches(`${field}.apiVersion`, version, dns1123Label),
  );
  return [...errors, ...requiredName(`${field}.kind`, kind?.toLowerCase(), dns1123Label)];
}

function validateMatch(match: MatchResources, field: string, needsRules: boolean): FieldError[] {
  const rules = match.resourceRules ?? [];
  const named = (rule: NamedRuleWithOperations, here: string) => [
    ...validateRule(rule, here),
    ...each(`${here}.resourceNames`, rule.resourceNames, (name, at) => requiredName(at, name, validPathSegment)),
  ];
  return [
    ...requiredOneOf(`${field}.matchPolicy`, match.matchPolicy, ['Equivalent', 'Exact']),
    ...(match.namespaceSelector ? validateLabelSelector(match.namespaceSelector, `${field}.namespaceSelector`) : []),
    ...(match.objectSelector ? validateLabelSelector(match.objectSelector, `${field}.objectSelector`) : []),
    ...each(`${field}.resourceRules`, rules, named),
    ...each(`${field}.excludeResourceRules`, match.excludeResourceRules, named),
    ...(needsRules && rules.length === 0 ? [fieldRequired(`${field}.resourceRules`)] : []),
  ];
}

export function validateBinding({ spec = {} }: ValidatingAdmissionPolicyBinding): FieldError[] {
  const { policyName, paramRef, matchResources, validationActions = [] } = spec;
  const field = 'spec.validationActions';
  const errors = requiredName('spec.policyName', policyName, dns1123Subdomain);
  if (paramRef) errors.push(...validateParamRef(paramRef, 'spec.paramRef'));
  if (matchResources) errors.push(...validateMatch(matchResources, 'spec.matchResources', false));
  if (validationActions.length === 0) {
    errors.push(fieldRequired(field, 'at least one validation action is required'));
  }
  errors.push(
    ...each(field, validationActions, (action, here) => oneOf(here, action, actions)),
    ...unique(
      validationActions,
      (action) => action,
      (index) => `${field}[${index}]`,
    ),
  );
  if (validationActions.includes('Deny') && validationActions.includes('Warn')) {
    const detail =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    errors.push(fieldInvalid(field, validationActions, detail));
  }
  return errors;
}

function validateParamRef({ name, selector, parameterNotFoundAction }: ParamRef, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (name && selector) {
    const detail = 'name and selector are mutually exclusive';
    errors.push(fieldForbidden(`${field}.name`, detail));
  }
  if (!name && !selector) {
    errors.push(fieldRequired(field, 'one of name or selector must be specified'));
  }
  errors.push(...matches(`${field}.name`, name, validPathSegment));
  if (selector) errors.push(...validateLabelSelector(selector, `${field}.selector`));
  if (!parameterNotFoundAction) errors.push(fieldRequired(`${field}.parameterNotFoundAction`));
  return [...errors, ...oneOf(`${field}.parameterNotFoundAction`, parameterNotFoundAction, ['Allow', 'Deny'])];
}
