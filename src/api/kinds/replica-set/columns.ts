/** `kubectl get replicasets`. */
import type { ReplicaSet } from '../../generated/types/apps-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { workloadColumns } from '../workload/columns.ts';

const integer = { type: 'integer' } as const;

export const replicaSetColumns = [
  nameColumn,
  column<ReplicaSet>('Desired', 'Pods wanted.', ({ spec }) => spec?.replicas ?? 0, integer),
  column<ReplicaSet>('Current', 'Pods that exist.', ({ status }) => status?.replicas ?? 0, integer),
  column<ReplicaSet>('Ready', 'Pods that are ready.', ({ status }) => status?.readyReplicas ?? 0, integer),
  ageColumn,
  ...workloadColumns,
];
