/** apps/v1 StatefulSet. */
import type { StatefulSet } from '../../generated/types/apps-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { defineKind, scaleSubresource, statusSubresource } from '../define.ts';
import { workloadColumns } from '../workload/columns.ts';
import { statefulSetStrategy } from './strategy.ts';

const kind = { group: 'apps', version: 'v1', kind: 'StatefulSet' } as const;

export const statefulSetDefinition = defineKind({
  ...kind,
  resource: 'statefulsets',
  namespaced: true,
  shortNames: ['sts'],
  categories: ['all'],
  subresources: [scaleSubresource, statusSubresource(kind)],
  strategy: statefulSetStrategy,
  allColumns: [
    nameColumn,
    column<StatefulSet>(
      'Ready',
      'Pods that are ready, of those wanted.',
      ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    ),
    ageColumn,
    ...workloadColumns.filter(({ name }) => name !== 'Selector'),
  ],
});
