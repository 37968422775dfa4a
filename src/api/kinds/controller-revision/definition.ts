/** apps/v1 ControllerRevision: what a DaemonSet or StatefulSet was, never changed. */
import type { ControllerRevision } from '../../generated/types/apps-v1.ts';
import { fieldRequired } from '../../meta/field-error.ts';
import { column } from '../../table/column.ts';
import { none } from '../../table/format.ts';
import { immutable, notNegative } from '../checks.ts';
import { defineKind } from '../define.ts';
import { typedStrategy } from '../strategy.ts';

export const controllerRevisionDefinition = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  resource: 'controllerrevisions',
  namespaced: true,
  columns: [
    column<ControllerRevision>('Controller', 'Whose revision it is.', controller),
    column<ControllerRevision>('Revision', 'Its number.', ({ revision }) => revision ?? 0),
  ],
  strategy: typedStrategy<ControllerRevision>({
    validate: ({ revision }) => notNegative('revision', revision),
    validateCreate({ data }) {
      if (data === undefined || data === null) return [fieldRequired('data', 'data is mandatory')];
      const isObject = typeof data === 'object' && !Array.isArray(data);
      return isObject ? [] : [fieldRequired('data', 'data must be a valid JSON object')];
    },
    validateUpdate: ({ data }, old) => immutable('data', data, old.data),
  }),
});

function controller({ metadata }: ControllerRevision): string {
  const owner = metadata?.ownerReferences?.find((one) => one.controller);
  if (!owner) return none;
  const [group] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
  return `${`${owner.kind}${group === '' ? '' : `.${group}`}`.toLowerCase()}/${owner.name}`;
}
