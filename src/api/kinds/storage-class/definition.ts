/** storage.k8s.io/v1 StorageClass. */
import type { FieldError } from '../../definition.ts';
import type { TopologySelectorTerm } from '../../generated/types/core-v1.ts';
import type { StorageClass } from '../../generated/types/storage-v1.ts';
import { fieldDuplicate, fieldForbidden, fieldRequired } from '../../meta/field-error.ts';
import { validQualifiedName } from '../../meta/names.ts';
import { ageColumn, column } from '../../table/column.ts';
import { each, immutable, oneOf, requiredName } from '../checks.ts';
import { defineKind } from '../define.ts';
import { sameJson, typedStrategy } from '../strategy.ts';
import { validateParameters, validateProvisioner } from './parameters.ts';

const defaultMarks = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

export const storageClassDefinition = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  resource: 'storageclasses',
  namespaced: false,
  shortNames: ['sc'],
  allColumns: [
    column<StorageClass>(
      'Name',
      'Name of the class; the default one is marked.',
      ({ metadata }) => {
        const isDefault = defaultMarks.some((mark) => metadata?.annotations?.[mark] === 'true');
        return `${metadata?.name ?? ''}${isDefault ? ' (default)' : ''}`;
      },
      { format: 'name' },
    ),
    column<StorageClass>('Provisioner', 'Who makes the volumes.', ({ provisioner }) => provisioner ?? ''),
    column<StorageClass>('ReclaimPolicy', 'What becomes of them.', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
    column<StorageClass>(
      'VolumeBindingMode',
      'When they are made.',
      ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate',
    ),
    column<StorageClass>(
      'AllowVolumeExpansion',
      'Whether they can grow.',
      ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
    ),
    ageColumn,
  ],
  strategy: typedStrategy<StorageClass>({
    setDefaults(storageClass) {
      storageClass.reclaimPolicy ||= 'Delete';
      storageClass.volumeBindingMode ||= 'Immediate';
    },
    validate: ({ provisioner, parameters, reclaimPolicy, volumeBindingMode, allowedTopologies }) => [
      ...validateProvisioner(provisioner, 'provisioner'),
      ...validateParameters(parameters, 'parameters'),
      ...oneOf('reclaimPolicy', reclaimPolicy, ['Delete', 'Retain']),
      ...oneOf('volumeBindingMode', volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']),
      ...validateTopologies(allowedTopologies),
    ],
    validateUpdate(storageClass, old) {
      const fixed = ['parameters', 'provisioner', 'reclaimPolicy'] as const;
      return [
        ...fixed
          .filter((field) => !sameJson(storageClass[field], old[field]))
          .map((field) => fieldForbidden(field, `updates to ${field} are forbidden.`)),
        ...immutable('volumeBindingMode', storageClass.volumeBindingMode, old.volumeBindingMode),
      ];
    },
  }),
});

function validateTopologies(terms: readonly TopologySelectorTerm[] | undefined): FieldError[] {
  return each('allowedTopologies', terms, ({ matchLabelExpressions = [] }, field) => {
    const keys = new Set<string>();
    return each(`${field}.matchLabelExpressions`, matchLabelExpressions, ({ key, values = [] }, here) => {
      const errors = requiredName(`${here}.key`, key, validQualifiedName);
      if (values.length === 0) errors.push(fieldRequired(`${here}.values`));
      values.forEach((value, index) => {
        if (values.indexOf(value) < index) errors.push(fieldDuplicate(`${here}.values[${index}]`, value));
      });
      if (keys.has(key)) errors.push(fieldDuplicate(`${here}.key`, key));
      keys.add(key);
      return errors;
    });
  });
}
