/** storage.k8s.io/v1 CSINode: which drivers run on a node. Its name is the node's. */
import type { FieldError } from '../../definition.ts';
import type { CSINode, CSINodeDriver } from '../../generated/types/storage-v1.ts';
import { fieldDuplicate, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { validQualifiedName } from '../../meta/names.ts';
import { column } from '../../table/column.ts';
import { each, immutable, matches, notNegative, required, unique } from '../checks.ts';
import { defineKind } from '../define.ts';
import { validateDriverName } from '../persistent-volume/validate-source.ts';
import { typedStrategy } from '../strategy.ts';

const maxNodeIdLength = 256;

export const csiNodeDefinition = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  resource: 'csinodes',
  namespaced: false,
  needsResourceVersion: true,
  columns: [
    column<CSINode>('Drivers', 'How many drivers it has.', ({ spec }) => spec?.drivers?.length ?? 0, {
      type: 'integer',
    }),
  ],
  strategy: typedStrategy<CSINode>({
    validate: ({ spec }) => [
      ...each('spec.drivers', spec?.drivers, validateDriver),
      ...unique(
        spec?.drivers,
        ({ name }) => name,
        (index) => `spec.drivers[${index}].name`,
      ),
    ],
    validateUpdate({ spec }, old) {
      return (old.spec?.drivers ?? []).flatMap((before) => {
        const now = spec?.drivers?.find(({ name }) => name === before.name);
        if (!now) return [];
        const fixed = ({ allocatable: _, ...rest }: CSINodeDriver) => rest;
        return immutable('spec.drivers', fixed(now), fixed(before));
      });
    },
  }),
});

function validateDriver({ name, nodeID, allocatable, topologyKeys = [] }: CSINodeDriver, field: string): FieldError[] {
  const errors = [
    ...required(`${field}.name`, name),
    ...validateDriverName(`${field}.name`, name),
    ...required(`${field}.nodeID`, nodeID),
    ...notNegative(`${field}.allocatable.count`, allocatable?.count),
  ];
  if ((nodeID?.length ?? 0) > maxNodeIdLength) {
    errors.push(fieldInvalid(`${field}.nodeID`, nodeID, `must be ${maxNodeIdLength} characters or less`));
  }
  topologyKeys.forEach((key, index) => {
    if (key === '') errors.push(fieldRequired(field));
    if (topologyKeys.indexOf(key) < index) errors.push(fieldDuplicate(field, key));
    errors.push(...matches(field, key, validQualifiedName));
  });
  return errors;
}
