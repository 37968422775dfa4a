/** scheduling.k8s.io/v1 PriorityClass. */
import type { FieldError } from '../../definition.ts';
import type { PriorityClass } from '../../generated/types/scheduling-v1.ts';
import { fieldForbidden } from '../../meta/field-error.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { immutable, oneOf } from '../checks.ts';
import { defineKind } from '../define.ts';
import { firstGeneration, keepField, typedStrategy } from '../strategy.ts';

const systemPrefix = 'system-';
const highestUserPriority = 1_000_000_000;
const systemClasses: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

export const priorityClassDefinition = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  resource: 'priorityclasses',
  namespaced: false,
  shortNames: ['pc'],
  allColumns: [
    nameColumn,
    column<PriorityClass>('Value', 'The priority.', ({ value }) => value ?? 0, { type: 'integer' }),
    column<PriorityClass>(
      'Global-Default',
      'For pods without a class.',
      ({ globalDefault }) => globalDefault ?? false,
      {
        type: 'boolean',
      },
    ),
    ageColumn,
    column<PriorityClass>(
      'PreemptionPolicy',
      'Whether others are displaced.',
      ({ preemptionPolicy }) => preemptionPolicy ?? '',
    ),
  ],
  strategy: typedStrategy<PriorityClass>({
    setDefaults(priorityClass) {
      priorityClass.preemptionPolicy ||= 'PreemptLowerPriority';
    },
    prepareForCreate: firstGeneration,
    prepareForUpdate(priorityClass, old) {
      if (priorityClass.metadata && old.metadata) keepField(priorityClass.metadata, old.metadata, 'generation');
    },
    validate,
    validateUpdate(priorityClass, old) {
      const { value, preemptionPolicy } = priorityClass;
      const errors = value === old.value ? [] : [fieldForbidden('value', 'may not be changed in an update.')];
      return [...errors, ...immutable('preemptionPolicy', preemptionPolicy, old.preemptionPolicy)];
    },
  }),
});

function validate({ metadata, value = 0, globalDefault, preemptionPolicy }: PriorityClass): FieldError[] {
  const name = metadata?.name ?? '';
  const errors = oneOf('preemptionPolicy', preemptionPolicy, ['Never', 'PreemptLowerPriority']);
  if (name.startsWith(systemPrefix)) {
    if (systemClasses[name] !== value || globalDefault) {
      const detail = `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${name} is not a known system priority class with this value`;
      errors.unshift(fieldForbidden('metadata.name', detail));
    }
  } else if (value > highestUserPriority) {
    const detail = `maximum allowed value of a user defined priority is ${highestUserPriority}`;
    errors.unshift(fieldForbidden('value', detail));
  }
  return errors;
}
