/** Where a pod may run: tolerations, affinity, spread, gates. */
import type { FieldError } from '../../definition.ts';
import type {
  Affinity,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodSpec,
  Toleration,
} from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { validQualifiedName } from '../../meta/names.ts';
import { validateLabels } from '../../meta/object-meta.ts';
import { each, inRange, oneOf, required, requiredName, unique } from '../checks.ts';

const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateScheduling(spec: PodSpec, field: string): FieldError[] {
  return [
    ...validateLabels(spec.nodeSelector, `${field}.nodeSelector`),
    ...each(`${field}.tolerations`, spec.tolerations, validateToleration),
    ...validateAffinity(spec.affinity, `${field}.affinity`),
    ...each(`${field}.topologySpreadConstraints`, spec.topologySpreadConstraints, (constraint, here) => [
      ...(constraint.maxSkew > 0
        ? []
        : [fieldInvalid(`${here}.maxSkew`, constraint.maxSkew, 'must be greater than zero')]),
      ...required(`${here}.topologyKey`, constraint.topologyKey),
      ...oneOf(`${here}.whenUnsatisfiable`, constraint.whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']),
      ...validateLabelSelector(constraint.labelSelector, `${here}.labelSelector`),
    ]),
    ...unique(
      spec.schedulingGates,
      (gate) => gate.name,
      (index) => `${field}.schedulingGates[${index}]`,
    ),
    ...each(`${field}.schedulingGates`, spec.schedulingGates, (gate, here) =>
      requiredName(`${here}.name`, gate.name, validQualifiedName),
    ),
    ...(spec.nodeName && (spec.schedulingGates?.length ?? 0) > 0
      ? [fieldForbidden(`${field}.nodeName`, 'cannot be set until all schedulingGates have been cleared')]
      : []),
  ];
}

function validateToleration(toleration: Toleration, field: string): FieldError[] {
  const { key, operator = '', value, effect = '', tolerationSeconds } = toleration;
  const errors: FieldError[] = [];
  if (key) errors.push(...requiredName(`${field}.key`, key, validQualifiedName));
  else if (operator !== 'Exists') {
    const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(fieldInvalid(`${field}.operator`, operator, detail));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    errors.push(fieldInvalid(`${field}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
  }
  if (operator === 'Exists' && value) {
    errors.push(fieldInvalid(`${field}.operator`, value, "value must be empty when `operator` is 'Exists'"));
  } else if (!['', 'Equal', 'Exists'].includes(operator)) {
    errors.push(fieldNotSupported(`${field}.operator`, operator, ['Equal', 'Exists']));
  }
  if (effect !== '') errors.push(...oneOf(`${field}.effect`, effect, taintEffects));
  return errors;
}

function validateAffinity(affinity: Affinity | undefined, field: string): FieldError[] {
  if (!affinity) return [];
  const errors: FieldError[] = [];
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  if (nodeAffinity) {
    const here = `${field}.nodeAffinity`;
    const requiredTerms = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    if (requiredTerms) {
      const at = `${here}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
      if ((requiredTerms.nodeSelectorTerms?.length ?? 0) === 0) {
        errors.push(fieldRequired(at, 'must have at least one node selector term'));
      }
      errors.push(...each(at, requiredTerms.nodeSelectorTerms, validateNodeTerm));
    }
    const preferred = nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    errors.push(
      ...each(`${here}.preferredDuringSchedulingIgnoredDuringExecution`, preferred, (term, at) => [
        ...weight(`${at}.weight`, term.weight),
        ...validateNodeTerm(term.preference, `${at}.preference`),
      ]),
    );
  }
  for (const [name, terms] of [
    ['podAffinity', podAffinity],
    ['podAntiAffinity', podAntiAffinity],
  ] as const) {
    const here = `${field}.${name}`;
    errors.push(
      ...each(
        `${here}.requiredDuringSchedulingIgnoredDuringExecution`,
        terms?.requiredDuringSchedulingIgnoredDuringExecution,
        validatePodTerm,
      ),
      ...each(
        `${here}.preferredDuringSchedulingIgnoredDuringExecution`,
        terms?.preferredDuringSchedulingIgnoredDuringExecution,
        (term, at) => [
          ...weight(`${at}.weight`, term.weight),
          ...validatePodTerm(term.podAffinityTerm, `${at}.podAffinityTerm`),
        ],
      ),
    );
  }
  return errors;
}

function weight(field: string, value: number | undefined): FieldError[] {
  return inRange(field, value ?? 0, 1, 100).map(() => fieldInvalid(field, value ?? 0, 'must be in the range 1-100'));
}

function validatePodTerm(term: PodAffinityTerm | undefined, field: string): FieldError[] {
  return [
    ...requiredName(`${field}.topologyKey`, term?.topologyKey, validQualifiedName),
    ...validateLabelSelector(term?.labelSelector, `${field}.labelSelector`),
    ...validateLabelSelector(term?.namespaceSelector, `${field}.namespaceSelector`),
  ];
}

function validateNodeTerm(term: NodeSelectorTerm | undefined, field: string): FieldError[] {
  return each(`${field}.matchExpressions`, term?.matchExpressions, (expression, here) => {
    const count = expression.values?.length ?? 0;
    const errors = requiredName(`${here}.key`, expression.key, validQualifiedName);
    switch (expression.operator) {
      case 'In':
      case 'NotIn':
        if (count === 0)
          errors.push(fieldRequired(`${here}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (count > 0) {
          const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
          errors.push(fieldForbidden(`${here}.values`, detail));
        }
        break;
      case 'Gt':
      case 'Lt':
        if (count !== 1)
          errors.push(
            fieldRequired(`${here}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"),
          );
        break;
      default:
        errors.push(fieldInvalid(`${here}.operator`, expression.operator, 'not a valid selector operator'));
    }
    return errors;
  });
}
