/** autoscaling/v2 HorizontalPodAutoscaler: the stored form of all its versions. */
import type { HorizontalPodAutoscaler } from '../../generated/types/autoscaling-v2.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { unset } from '../../table/format.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { formatMetrics } from './printed-metrics.ts';
import { horizontalPodAutoscalerStrategy } from './strategy.ts';

const kind = { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' } as const;

export const horizontalPodAutoscalerDefinition = defineKind({
  ...kind,
  resource: 'horizontalpodautoscalers',
  namespaced: true,
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: [statusSubresource(kind)],
  strategy: horizontalPodAutoscalerStrategy,
  allColumns: [
    nameColumn,
    column<HorizontalPodAutoscaler>('Reference', 'What it scales.', ({ spec }) => {
      const { kind = '', name = '' } = spec?.scaleTargetRef ?? {};
      return `${kind}/${name}`;
    }),
    column<HorizontalPodAutoscaler>('Targets', 'Metrics: what they are, and what they should be.', ({ spec, status }) =>
      formatMetrics(spec?.metrics, status?.currentMetrics ?? []),
    ),
    column<HorizontalPodAutoscaler>('MinPods', 'Fewest pods.', ({ spec }) => String(spec?.minReplicas ?? unset)),
    column<HorizontalPodAutoscaler>('MaxPods', 'Most pods.', ({ spec }) => spec?.maxReplicas ?? 0),
    column<HorizontalPodAutoscaler>('Replicas', 'Pods now.', ({ status }) => status?.currentReplicas ?? 0),
    ageColumn,
  ],
});
