/** core/v1 ComponentStatus: deprecated since 1.19, still asked for. Nothing writes one. */
import type { ComponentStatus } from '../../generated/types/core-v1.ts';
import { column, nameColumn } from '../../table/column.ts';
import { defineKind } from '../define.ts';

export const componentStatusDefinition = defineKind({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  resource: 'componentstatuses',
  namespaced: false,
  shortNames: ['cs'],
  verbs: ['get', 'list'],
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  allColumns: [
    nameColumn,
    column<ComponentStatus>('Status', 'Whether it is healthy.', (component) => {
      const status = healthy(component)?.status;
      return status === undefined ? 'Unknown' : status === 'True' ? 'Healthy' : 'Unhealthy';
    }),
    column<ComponentStatus>('Message', 'What it says.', (component) => healthy(component)?.message ?? ''),
    column<ComponentStatus>('Error', 'What is wrong.', (component) => healthy(component)?.error ?? ''),
  ],
});

function healthy({ conditions }: ComponentStatus) {
  return conditions?.find(({ type }) => type === 'Healthy');
}
