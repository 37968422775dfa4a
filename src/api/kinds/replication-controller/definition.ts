/** core/v1 ReplicationController. */
import type { ReplicationController } from '../../generated/types/core-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { formatLabels } from '../../table/format.ts';
import { defineKind, fieldAt, scaleSubresource, statusSubresource } from '../define.ts';
import { workloadColumns } from '../workload/columns.ts';
import { replicationControllerStrategy } from './strategy.ts';

const kind = { group: '', version: 'v1', kind: 'ReplicationController' } as const;
const integer = { type: 'integer' } as const;

export const replicationControllerDefinition = defineKind({
  ...kind,
  resource: 'replicationcontrollers',
  namespaced: true,
  shortNames: ['rc'],
  categories: ['all'],
  subresources: [scaleSubresource, statusSubresource(kind)],
  fieldSelectors: { 'status.replicas': fieldAt('status.replicas', '0') },
  orphansByDefault: true,
  strategy: replicationControllerStrategy,
  allColumns: [
    nameColumn,
    column<ReplicationController>('Desired', 'Pods wanted.', ({ spec }) => spec?.replicas ?? 0, integer),
    column<ReplicationController>('Current', 'Pods that exist.', ({ status }) => status?.replicas ?? 0, integer),
    column<ReplicationController>('Ready', 'Pods that are ready.', ({ status }) => status?.readyReplicas ?? 0, integer),
    ageColumn,
    ...workloadColumns.filter(({ name }) => name !== 'Selector'),
    column<ReplicationController>('Selector', 'Which pods belong to it.', ({ spec }) => formatLabels(spec?.selector), {
      priority: 1,
    }),
  ],
});
