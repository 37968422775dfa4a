/** Requests and limits of a container. */
import type { FieldError } from '../../definition.ts';
import type { ResourceRequirements } from '../../generated/types/core-v1.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { validQualifiedName } from '../../meta/names.ts';
import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../../meta/quantity.ts';

const standardResources: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
const hugePagesPrefix = 'hugepages-';
const nano = 1_000_000_000n;

export function validateResources(resources: ResourceRequirements | undefined, field: string): FieldError[] {
  const limits = parseAll(resources?.limits, `${field}.limits`);
  const requests = parseAll(resources?.requests, `${field}.requests`);
  const errors = [...limits.errors, ...requests.errors];
  for (const [name, request] of requests.quantities) {
    const limit = limits.quantities.get(name);
    const here = `${field}.requests`;
    const shown = formatQuantity(request);
    if (limit && mayNotExceed(name) && compareQuantities(request, limit) !== 0) {
      errors.push(fieldInvalid(here, shown, `must be equal to ${name} limit of ${formatQuantity(limit)}`));
    } else if (limit && compareQuantities(request, limit) > 0) {
      errors.push(fieldInvalid(here, shown, `must be less than or equal to ${name} limit of ${formatQuantity(limit)}`));
    } else if (!limit && mayNotExceed(name)) {
      errors.push(fieldRequired(`${field}.limits`, 'Limit must be set for non overcommitable resources'));
    }
  }
  return errors;
}

/** Extended resources and huge pages cannot be promised twice: request and limit are the same. */
function mayNotExceed(name: string): boolean {
  return !standardResources.has(name);
}

function parseAll(list: Readonly<Record<string, string | number>> | undefined, field: string) {
  const quantities = new Map<string, Quantity>();
  const errors: FieldError[] = [];
  for (const [name, text] of Object.entries(list ?? {})) {
    const here = `${field}[${name}]`;
    const nameProblem = validQualifiedName(name);
    if (nameProblem) errors.push(fieldInvalid(field, name, nameProblem));
    else if (!name.includes('/') && !standardResources.has(name) && !name.startsWith(hugePagesPrefix)) {
      errors.push(fieldInvalid(here, name, 'must be a standard resource for containers'));
    }
    const quantity = parseQuantity(String(text));
    if (quantity.nanos < 0n) errors.push(fieldInvalid(here, String(text), 'must be greater than or equal to 0'));
    if (name.includes('/') && quantity.nanos % nano !== 0n) {
      errors.push(fieldInvalid(here, String(text), 'must be an integer'));
    }
    quantities.set(name, quantity);
  }
  return { quantities, errors };
}
