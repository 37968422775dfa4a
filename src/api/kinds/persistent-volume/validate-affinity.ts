/** Which nodes can reach a volume. */
import type { FieldError } from '../../definition.ts';
import type { NodeSelectorRequirement, VolumeNodeAffinity } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldRequired } from '../../meta/field-error.ts';
import { validQualifiedName } from '../../meta/names.ts';
import { each, oneOf, requiredName } from '../checks.ts';

const operators = ['DoesNotExist', 'Exists', 'Gt', 'In', 'Lt', 'NotIn'];

export function validateNodeAffinity({ required }: VolumeNodeAffinity, field: string): FieldError[] {
  const here = `${field}.required`;
  if (!required) return [fieldRequired(here, 'must specify required node constraints')];
  const terms = required.nodeSelectorTerms ?? [];
  if (terms.length === 0) {
    return [fieldRequired(`${here}.nodeSelectorTerms`, 'must have at least one node selector term')];
  }
  return each(`${here}.nodeSelectorTerms`, terms, (term, at) =>
    each(`${at}.matchExpressions`, term.matchExpressions, (one, where) => validateRequirement(one, where)),
  );
}

function validateRequirement({ key, operator, values }: NodeSelectorRequirement, field: string): FieldError[] {
  const count = values?.length ?? 0;
  const errors: FieldError[] = [...requiredName(`${field}.key`, key, validQualifiedName)];
  if (operator === 'In' || operator === 'NotIn') {
    if (count === 0) {
      errors.push(fieldRequired(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (count > 0) {
      const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
      errors.push(fieldForbidden(`${field}.values`, detail));
    }
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (count !== 1) {
      errors.push(fieldRequired(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
    }
  } else errors.push(...oneOf(`${field}.operator`, operator ?? '', operators));
  return errors;
}
