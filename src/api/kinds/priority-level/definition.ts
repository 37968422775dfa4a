/** flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration. */
import type { FieldError } from '../../definition.ts';
import type { PriorityLevelConfiguration, QueuingConfiguration } from '../../generated/types/flowcontrol-v1.ts';
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { none } from '../../table/format.ts';
import { inRange, notNegative } from '../checks.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';

const kind = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1', kind: 'PriorityLevelConfiguration' } as const;
const nominalShares = 30;
const queuing = { handSize: 8, queues: 64, queueLengthLimit: 50 };
const maxQueues = 10_000_000;

function ofQueues(name: string, description: string, field: keyof QueuingConfiguration) {
  return column<PriorityLevelConfiguration>(
    name,
    description,
    ({ spec }) => spec?.limited?.limitResponse?.queuing?.[field] ?? none,
  );
}

export const priorityLevelConfigurationDefinition = defineKind({
  ...kind,
  resource: 'prioritylevelconfigurations',
  namespaced: false,
  subresources: [statusSubresource(kind)],
  allColumns: [
    nameColumn,
    column<PriorityLevelConfiguration>('Type', 'Limited or Exempt.', ({ spec }) => spec?.type ?? ''),
    column<PriorityLevelConfiguration>(
      'NominalConcurrencyShares',
      'Its share of all seats.',
      ({ spec }) => spec?.limited?.nominalConcurrencyShares ?? none,
    ),
    ofQueues('Queues', 'How many queues it has.', 'queues'),
    ofQueues('HandSize', 'How many of them one flow may use.', 'handSize'),
    ofQueues('QueueLengthLimit', 'How long each may be.', 'queueLengthLimit'),
    ageColumn,
  ],
  strategy: typedStrategy<PriorityLevelConfiguration>({
    setDefaults({ spec }) {
      if (spec?.exempt) {
        spec.exempt.nominalConcurrencyShares ??= 0;
        spec.exempt.lendablePercent ??= 0;
      }
      if (!spec?.limited) return;
      spec.limited.nominalConcurrencyShares ??= nominalShares;
      spec.limited.lendablePercent ??= 0;
      const queues = spec.limited.limitResponse?.queuing;
      if (!queues) return;
      queues.handSize ||= queuing.handSize;
      queues.queues ||= queuing.queues;
      queues.queueLengthLimit ||= queuing.queueLengthLimit;
    },
    prepareForCreate(level) {
      level.status = {};
      firstGeneration(level);
    },
    prepareForUpdate(level, old) {
      keepStatus(level, old);
      moveGeneration(level, old);
    },
    prepareForStatusUpdate: keepAllButStatus,
    validate,
    validateStatusUpdate: () => [],
  }),
});

function validate({ metadata, spec }: PriorityLevelConfiguration): FieldError[] {
  const { type = '', limited, exempt } = spec ?? {};
  const field = 'spec';
  const errors: FieldError[] = [];
  if ((metadata?.name === 'exempt') !== (type === 'Exempt')) {
    const detail = "type must be 'Exempt' if and only if `metadata.name` is 'exempt'";
    errors.push(fieldInvalid(`${field}.type`, type, detail));
  }
  if (type === 'Exempt') {
    if (limited) errors.push(fieldForbidden(`${field}.limited`, 'must be nil if the type is not Limited'));
    return [
      ...errors,
      ...notNegative(`${field}.exempt.nominalConcurrencyShares`, exempt?.nominalConcurrencyShares),
      ...inRange(`${field}.exempt.lendablePercent`, exempt?.lendablePercent, 0, 100),
    ];
  }
  if (type !== 'Limited') return [...errors, fieldNotSupported(`${field}.type`, type, ['Exempt', 'Limited'])];
  if (exempt) errors.push(fieldForbidden(`${field}.exempt`, 'must be nil if the type is Limited'));
  if (!limited) return [...errors, fieldRequired(`${field}.limited`, 'must not be empty when type is Limited')];
  const { nominalConcurrencyShares: shares = 0, borrowingLimitPercent: borrowing, limitResponse } = limited;
  errors.push(
    ...notNegative(`${field}.limited.nominalConcurrencyShares`, shares),
    ...inRange(`${field}.limited.lendablePercent`, limited.lendablePercent, 0, 100),
    ...notNegative(`${field}.limited.borrowingLimitPercent`, borrowing),
  );
  const response = `${field}.limited.limitResponse`;
  if (limitResponse?.type === 'Reject') {
    if (!limitResponse.queuing) return errors;
    return [
      ...errors,
      fieldForbidden(`${response}.queuing`, 'must be nil if limited.limitResponse.type is not Limited'),
    ];
  }
  if (limitResponse?.type !== 'Queue') {
    return [...errors, fieldNotSupported(`${response}.type`, limitResponse?.type ?? '', ['Queue', 'Reject'])];
  }
  if (!limitResponse.queuing) {
    const detail = 'must not be empty if limited.limitResponse.type is Limited';
    return [...errors, fieldRequired(`${response}.queuing`, detail)];
  }
  return [...errors, ...validateQueuing(limitResponse.queuing, `${response}.queuing`)];
}

function validateQueuing(given: QueuingConfiguration, field: string): FieldError[] {
  const { queueLengthLimit = 0, queues = 0, handSize = 0 } = given;
  const errors: FieldError[] = [];
  const positive = (name: string, value: number) => {
    if (value <= 0) errors.push(fieldInvalid(`${field}.${name}`, value, 'must be positive'));
  };
  positive('queueLengthLimit', queueLengthLimit);
  positive('queues', queues);
  if (queues > maxQueues) errors.push(fieldInvalid(`${field}.queues`, queues, `must not be greater than ${maxQueues}`));
  positive('handSize', handSize);
  if (handSize > queues) {
    const detail = `should not be greater than queues (${queues})`;
    errors.push(fieldInvalid(`${field}.handSize`, handSize, detail));
  }
  return errors;
}
