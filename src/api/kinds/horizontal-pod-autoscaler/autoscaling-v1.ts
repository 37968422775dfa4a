/**
 * autoscaling/v1 HorizontalPodAutoscaler: the same stored objects as autoscaling/v2's, in the form that only knew one metric, the utilization of CPU.
 * What does not fit travels in annotations, as JSON in that version's own older form.
 */
import type { StoredForm } from '../../definition.ts';
import type { HorizontalPodAutoscaler as V1 } from '../../generated/types/autoscaling-v1.ts';
import type { MetricSpec, MetricStatus, HorizontalPodAutoscaler as V2 } from '../../generated/types/autoscaling-v2.ts';
import type { KubernetesObject } from '../../types.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { horizontalPodAutoscalerDefinition } from './definition.ts';
import { type OldMetric, toNewSpec, toNewStatus, toOldSpec, toOldStatus } from './old-metrics.ts';

const kind = { group: 'autoscaling', version: 'v1', kind: 'HorizontalPodAutoscaler' } as const;

const annotations = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  current: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
} as const;

const stored: StoredForm = {
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  resource: 'horizontalpodautoscalers',
  toStored: (object) => toV2(object as V1) as KubernetesObject,
  fromStored: (object) => toV1(object as V2) as KubernetesObject,
};

export const horizontalPodAutoscalerV1Definition = defineKind({
  ...kind,
  resource: 'horizontalpodautoscalers',
  namespaced: true,
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: [statusSubresource(kind)],
  strategy: horizontalPodAutoscalerDefinition.strategy,
  allColumns: horizontalPodAutoscalerDefinition.columns.map((column) => ({
    ...column,
    cell: (object: KubernetesObject, nowMs: number) => column.cell(stored.toStored(object), nowMs),
  })),
  stored,
});

function isCpuUtilization({ type, resource }: MetricSpec): boolean {
  return type === 'Resource' && resource?.name === 'cpu' && resource.target?.averageUtilization !== undefined;
}

function isCpuStatus({ type, resource }: MetricStatus): boolean {
  return type === 'Resource' && resource?.name === 'cpu' && resource.current?.averageUtilization !== undefined;
}

export function toV1(object: V2): V1 {
  const { metrics = [], behavior, ...spec } = object.spec ?? { scaleTargetRef: { kind: '', name: '' }, maxReplicas: 0 };
  const { currentMetrics, conditions, ...status } = object.status ?? { desiredReplicas: 0 };
  const cpu = metrics.find(isCpuUtilization);
  const cpuNow = currentMetrics?.find(isCpuStatus);
  const added: Record<string, string> = {};
  const keep = (name: string, list: readonly unknown[] | undefined) => {
    if (list && list.length > 0) added[name] = JSON.stringify(list);
  };
  keep(annotations.metrics, metrics.filter((one) => one !== cpu).map(toOldSpec));
  // The average value has no place of its own, so that the CPU's status is told in full beside the short form.
  keep(annotations.current, currentMetrics?.map(toOldStatus));
  keep(annotations.conditions, conditions);
  if (behavior) added[annotations.behavior] = JSON.stringify(behavior);
  const hasAdded = Object.keys(added).length > 0;
  const target = cpu?.resource?.target?.averageUtilization;
  const current = cpuNow?.resource?.current?.averageUtilization;
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      ...object.metadata,
      ...(hasAdded && { annotations: { ...object.metadata?.annotations, ...added } }),
    },
    spec: { ...spec, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) },
    status: {
      ...status,
      currentReplicas: status.currentReplicas ?? 0,
      desiredReplicas: status.desiredReplicas ?? 0,
      ...(current !== undefined && { currentCPUUtilizationPercentage: current }),
    },
  };
}

export function toV2(object: V1): V2 {
  const { targetCPUUtilizationPercentage: target, ...spec } = object.spec ?? {
    scaleTargetRef: { kind: '', name: '' },
    maxReplicas: 0,
  };
  const { currentCPUUtilizationPercentage: current, ...status } = object.status ?? {
    currentReplicas: 0,
    desiredReplicas: 0,
  };
  const { annotations: given, ...metadata } = object.metadata ?? {};
  const others = parsed<OldMetric[]>(given?.[annotations.metrics]) ?? [];
  const metrics: MetricSpec[] = others.map(toNewSpec);
  if (target !== undefined) {
    const cpu = { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } };
    metrics.push({ type: 'Resource', resource: cpu });
  }
  let currentMetrics = parsed<OldMetric[]>(given?.[annotations.current])?.map(toNewStatus);
  if (current !== undefined && !currentMetrics?.some(isCpuStatus)) {
    const cpu: MetricStatus = { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } };
    currentMetrics = [cpu, ...(currentMetrics ?? [])];
  }
  const conditions = parsed<NonNullable<V2['status']>['conditions']>(given?.[annotations.conditions]);
  const behavior = parsed<NonNullable<V2['spec']>['behavior']>(given?.[annotations.behavior]);
  const own = Object.entries(given ?? {}).filter(([name]) => !(Object.values(annotations) as string[]).includes(name));
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { ...metadata, ...(own.length > 0 && { annotations: Object.fromEntries(own) }) },
    spec: { ...spec, ...(metrics.length > 0 && { metrics }), ...(behavior && { behavior }) },
    status: {
      ...status,
      desiredReplicas: status.desiredReplicas ?? 0,
      currentMetrics: currentMetrics ?? (null as never),
      ...(conditions && { conditions }),
    },
  };
}

/** What somebody wrote into an annotation by hand may be anything: what cannot be read is not there, as upstream. */
function parsed<T extends object | undefined>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
