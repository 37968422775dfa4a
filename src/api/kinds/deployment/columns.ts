/** `kubectl get deployments`. */
import type { Deployment } from '../../generated/types/apps-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { workloadColumns } from '../workload/columns.ts';

export const deploymentColumns = [
  nameColumn,
  column<Deployment>(
    'Ready',
    'Pods that are ready, of those wanted.',
    ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
  ),
  column<Deployment>('Up-to-date', 'Pods of the current template.', ({ status }) => status?.updatedReplicas ?? 0),
  column<Deployment>(
    'Available',
    'Pods that have been ready for long enough.',
    ({ status }) => status?.availableReplicas ?? 0,
  ),
  ageColumn,
  ...workloadColumns,
];
