/** storage.k8s.io/v1 VolumeAttributesClass. */
import type { VolumeAttributesClass } from '../../generated/types/storage-v1.ts';
import { fieldForbidden, fieldRequired } from '../../meta/field-error.ts';
import { column } from '../../table/column.ts';
import { defineKind } from '../define.ts';
import { validateParameters, validateProvisioner } from '../storage-class/parameters.ts';
import { sameJson, typedStrategy } from '../strategy.ts';

export const volumeAttributesClassDefinition = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  resource: 'volumeattributesclasses',
  namespaced: false,
  shortNames: ['vac'],
  columns: [
    column<VolumeAttributesClass>('DriverName', 'Whose volumes it is for.', ({ driverName }) => driverName ?? ''),
  ],
  strategy: typedStrategy<VolumeAttributesClass>({
    validate({ driverName, parameters }) {
      const errors = [
        ...validateProvisioner(driverName, 'driverName'),
        ...validateParameters(parameters, 'parameters'),
      ];
      if (Object.keys(parameters ?? {}).length > 0) return errors;
      return [...errors, fieldRequired('parameters', 'must contain at least one key/value pair')];
    },
    validateUpdate(attributesClass, old) {
      return (['driverName', 'parameters'] as const)
        .filter((field) => !sameJson(attributesClass[field], old[field]))
        .map((field) => fieldForbidden(field, `updates to ${field} are forbidden.`));
    },
  }),
});
