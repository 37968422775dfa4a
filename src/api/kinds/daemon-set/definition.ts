/** apps/v1 DaemonSet. */
import type { DaemonSet, DaemonSetStatus } from '../../generated/types/apps-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { formatLabels } from '../../table/format.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { workloadColumns } from '../workload/columns.ts';
import { daemonSetStrategy } from './strategy.ts';

const kind = { group: 'apps', version: 'v1', kind: 'DaemonSet' } as const;

function counter(name: string, description: string, field: keyof DaemonSetStatus) {
  return column<DaemonSet>(name, description, ({ status }) => Number(status?.[field] ?? 0), { type: 'integer' });
}

export const daemonSetDefinition = defineKind({
  ...kind,
  resource: 'daemonsets',
  namespaced: true,
  shortNames: ['ds'],
  categories: ['all'],
  subresources: [statusSubresource(kind)],
  strategy: daemonSetStrategy,
  allColumns: [
    nameColumn,
    counter('Desired', 'Nodes that should run its pod.', 'desiredNumberScheduled'),
    counter('Current', 'Nodes that have its pod and should.', 'currentNumberScheduled'),
    counter('Ready', 'Nodes whose pod is ready.', 'numberReady'),
    counter('Up-to-date', 'Nodes with a pod of the current template.', 'updatedNumberScheduled'),
    counter('Available', 'Nodes whose pod has been ready for long enough.', 'numberAvailable'),
    column<DaemonSet>('Node Selector', 'Which nodes it is for.', ({ spec }) =>
      formatLabels(spec?.template?.spec?.nodeSelector),
    ),
    ageColumn,
    ...workloadColumns,
  ],
});
