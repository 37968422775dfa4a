/** flowcontrol.apiserver.k8s.io/v1 FlowSchema. */
import type { FlowSchema } from '../../generated/types/flowcontrol-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { none } from '../../table/format.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { validateFlowSchema } from './validate.ts';

const kind = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1', kind: 'FlowSchema' } as const;
const matchingPrecedence = 1000;

export const flowSchemaDefinition = defineKind({
  ...kind,
  resource: 'flowschemas',
  namespaced: false,
  subresources: [statusSubresource(kind)],
  allColumns: [
    nameColumn,
    column<FlowSchema>(
      'PriorityLevel',
      'Where its requests wait.',
      ({ spec }) => spec?.priorityLevelConfiguration?.name ?? '',
    ),
    column<FlowSchema>('MatchingPrecedence', 'Less goes first.', ({ spec }) => spec?.matchingPrecedence ?? 0),
    column<FlowSchema>(
      'DistinguisherMethod',
      'How flows are told apart.',
      ({ spec }) => spec?.distinguisherMethod?.type ?? none,
    ),
    ageColumn,
    column<FlowSchema>(
      'MissingPL',
      'Whether its level does not exist.',
      ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
    ),
  ],
  strategy: typedStrategy<FlowSchema>({
    setDefaults({ spec }) {
      if (spec) spec.matchingPrecedence ||= matchingPrecedence;
    },
    prepareForCreate(schema) {
      schema.status = {};
      firstGeneration(schema);
    },
    prepareForUpdate(schema, old) {
      keepStatus(schema, old);
      moveGeneration(schema, old);
    },
    prepareForStatusUpdate: keepAllButStatus,
    validate: validateFlowSchema,
    validateStatusUpdate: () => [],
  }),
});
