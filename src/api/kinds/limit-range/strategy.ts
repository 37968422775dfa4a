/** LimitRange: what it says for containers completes itself, as upstream does; admission of pods then only looks things up. */
import type { FieldError } from '../../definition.ts';
import type { Quantity } from '../../generated/types/apimachinery.ts';
import type { LimitRange, LimitRangeItem } from '../../generated/types/core-v1.ts';
import { fieldInvalid } from '../../meta/field-error.ts';
import { compareQuantities, parseQuantity } from '../../meta/quantity.ts';
import { required } from '../checks.ts';
import { typedStrategy } from '../strategy.ts';

/** The first may not be more than the second. */
const ordered = [
  ['min', 'max'],
  ['min', 'defaultRequest'],
  ['min', 'default'],
  ['defaultRequest', 'default'],
  ['defaultRequest', 'max'],
  ['default', 'max'],
] as const;

export const limitRangeStrategy = typedStrategy<LimitRange>({
  setDefaults({ spec }) {
    for (const item of spec?.limits ?? []) {
      if (item.type !== 'Container') continue;
      setAmounts(item, 'default', { ...item.max, ...item.default });
      setAmounts(item, 'defaultRequest', { ...item.min, ...item.default, ...item.defaultRequest });
    }
  },
  validate({ spec }) {
    return (spec?.limits ?? []).flatMap((item, index) => validateItem(item, `spec.limits[${index}]`));
  },
});

function setAmounts(item: LimitRangeItem, field: 'default' | 'defaultRequest', value: Record<string, Quantity>): void {
  if (Object.keys(value).length > 0) item[field] = value;
}

function validateItem(item: LimitRangeItem, path: string): FieldError[] {
  const errors: FieldError[] = [...required(`${path}.type`, item.type)];
  for (const [low, high] of ordered) {
    for (const [resource, value] of Object.entries(item[low] ?? {})) {
      const bound = item[high]?.[resource];
      // Decoding has made every quantity a text, in canonical form.
      if (bound === undefined || compareQuantities(parseQuantity(String(value)), parseQuantity(String(bound))) <= 0)
        continue;
      const detail = `${low} value ${value} is greater than ${high} value ${bound}`;
      errors.push(fieldInvalid(`${path}.${low}[${resource}]`, value, detail));
    }
  }
  return errors;
}
