/** LimitRange: what it says for containers completes itself, as upstream does; admission of pods then only looks things up. */
import type { FieldError } from '../../definition.ts';
import type { Quantity } from '../../generated/types/apimachinery.ts';
import type { LimitRange, LimitRangeItem } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { compareQuantities, parseQuantity } from '../../meta/quantity.ts';
import { each, required, unique } from '../checks.ts';
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
    const limits = spec?.limits;
    return [
      ...each('spec.limits', limits, validateItem),
      ...unique(
        limits,
        ({ type }) => type,
        (index) => `spec.limits[${index}].type`,
      ),
    ];
  },
});

function setAmounts(item: LimitRangeItem, field: 'default' | 'defaultRequest', value: Record<string, Quantity>): void {
  if (Object.keys(value).length > 0) item[field] = value;
}

const words = { min: 'min', max: 'max', default: 'default', defaultRequest: 'default request' } as const;
const types = ['Container', 'Pod', 'PersistentVolumeClaim'];

function validateType(item: LimitRangeItem, path: string): FieldError[] {
  const { type = '' } = item;
  const errors: FieldError[] = [];
  if (type !== '' && !types.includes(type) && !type.includes('/')) {
    errors.push(fieldInvalid(`${path}.type`, type, 'must be a standard limit type or fully qualified'));
  }
  if (type === 'Pod') {
    const given = (['default', 'defaultRequest'] as const).filter((name) => Object.keys(item[name] ?? {}).length > 0);
    const detail = "may not be specified when `type` is 'Pod'";
    errors.push(...given.map((name) => fieldForbidden(`${path}.${name}`, detail)));
  }
  if (type === 'PersistentVolumeClaim' && !item.min?.storage && !item.max?.storage) {
    const detail = 'either minimum or maximum storage value is required, but neither was provided';
    errors.push(fieldRequired(`${path}.limits`, detail));
  }
  return errors;
}

function validateItem(item: LimitRangeItem, path: string): FieldError[] {
  const errors: FieldError[] = [...required(`${path}.type`, item.type), ...validateType(item, path)];
  for (const [low, high] of ordered) {
    for (const [resource, value] of Object.entries(item[low] ?? {})) {
      const bound = item[high]?.[resource];
      // Decoding has made every quantity a text, in canonical form.
      if (bound === undefined || compareQuantities(parseQuantity(String(value)), parseQuantity(String(bound))) <= 0)
        continue;
      // Told of the default where there is one, else of the smaller.
      const told = low === 'min' && high !== 'max' ? high : low;
      const detail = `${words[low]} value ${value} is greater than ${words[high]} value ${bound}`;
      errors.push(fieldInvalid(`${path}.${told}[${resource}]`, told === low ? value : bound, detail));
    }
  }
  return errors;
}
