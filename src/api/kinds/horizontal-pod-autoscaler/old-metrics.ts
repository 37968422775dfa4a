/** Metrics as autoscaling/v1 writes them into annotations, to and from autoscaling/v2's. */
import type { MetricSpec, MetricStatus, MetricTarget } from '../../generated/types/autoscaling-v2.ts';

type Fields = Record<string, unknown>;

/** `type`, and one member named by it. */
export interface OldMetric {
  readonly type: string;
  readonly object?: Fields;
  readonly pods?: Fields;
  readonly resource?: Fields;
  readonly containerResource?: Fields;
  readonly external?: Fields;
}

function clean<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

export function toOldSpec({ type, object, pods, resource, containerResource, external }: MetricSpec): OldMetric {
  const limits = (target: MetricTarget | undefined) => ({
    targetAverageUtilization: target?.averageUtilization,
    targetAverageValue: target?.averageValue,
  });
  return clean({
    type,
    object:
      object &&
      clean({
        target: object.describedObject,
        metricName: object.metric?.name,
        targetValue: object.target?.value ?? '0',
        selector: object.metric?.selector,
        averageValue: object.target?.averageValue,
      }),
    pods:
      pods &&
      clean({
        metricName: pods.metric?.name,
        targetAverageValue: pods.target?.averageValue ?? '0',
        selector: pods.metric?.selector,
      }),
    resource: resource && clean({ name: resource.name, ...limits(resource.target) }),
    containerResource:
      containerResource &&
      clean({
        name: containerResource.name,
        ...limits(containerResource.target),
        container: containerResource.container,
      }),
    external:
      external &&
      clean({
        metricName: external.metric?.name,
        metricSelector: external.metric?.selector,
        targetValue: external.target?.value,
        targetAverageValue: external.target?.averageValue,
      }),
  }) as OldMetric;
}

export function toNewSpec({ type, object, pods, resource, containerResource, external }: OldMetric): MetricSpec {
  const limits = (source: Fields): MetricTarget => {
    const { targetAverageUtilization: averageUtilization, targetAverageValue: averageValue } = source;
    const kind = averageUtilization === undefined ? 'AverageValue' : 'Utilization';
    return clean({ type: kind, averageUtilization, averageValue }) as MetricTarget;
  };
  const values = (value: unknown, averageValue: unknown): MetricTarget =>
    clean({
      type: averageValue === undefined ? 'Value' : 'AverageValue',
      value: averageValue === undefined ? value : undefined,
      averageValue,
    }) as MetricTarget;
  return clean({
    type,
    object: object && {
      describedObject: object.target,
      metric: clean({ name: object.metricName, selector: object.selector }),
      target: values(object.targetValue, object.averageValue),
    },
    pods: pods && {
      metric: clean({ name: pods.metricName, selector: pods.selector }),
      target: { type: 'AverageValue', averageValue: pods.targetAverageValue },
    },
    resource: resource && { name: resource.name, target: limits(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      target: limits(containerResource),
      container: containerResource.container,
    },
    external: external && {
      metric: clean({ name: external.metricName, selector: external.metricSelector }),
      target: values(external.targetValue, external.targetAverageValue),
    },
  }) as unknown as MetricSpec;
}

export function toOldStatus({ type, object, pods, resource, containerResource, external }: MetricStatus): OldMetric {
  const now = (current: { averageUtilization?: number | undefined; averageValue?: unknown } | undefined) => ({
    currentAverageUtilization: current?.averageUtilization,
    currentAverageValue: current?.averageValue ?? '0',
  });
  return clean({
    type,
    object:
      object &&
      clean({
        target: object.describedObject,
        metricName: object.metric?.name,
        currentValue: object.current?.value ?? '0',
        selector: object.metric?.selector,
        averageValue: object.current?.averageValue,
      }),
    pods:
      pods &&
      clean({
        metricName: pods.metric?.name,
        currentAverageValue: pods.current?.averageValue ?? '0',
        selector: pods.metric?.selector,
      }),
    resource: resource && clean({ name: resource.name, ...now(resource.current) }),
    containerResource:
      containerResource &&
      clean({
        name: containerResource.name,
        ...now(containerResource.current),
        container: containerResource.container,
      }),
    external:
      external &&
      clean({
        metricName: external.metric?.name,
        metricSelector: external.metric?.selector,
        currentValue: external.current?.value ?? '0',
        currentAverageValue: external.current?.averageValue,
      }),
  }) as OldMetric;
}

export function toNewStatus({ type, object, pods, resource, containerResource, external }: OldMetric): MetricStatus {
  const now = (source: Fields) =>
    clean({ averageUtilization: source.currentAverageUtilization, averageValue: source.currentAverageValue });
  return clean({
    type,
    object: object && {
      describedObject: object.target,
      metric: clean({ name: object.metricName, selector: object.selector }),
      current: clean({ value: object.currentValue, averageValue: object.averageValue }),
    },
    pods: pods && {
      metric: clean({ name: pods.metricName, selector: pods.selector }),
      current: clean({ averageValue: pods.currentAverageValue }),
    },
    resource: resource && { name: resource.name, current: now(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      current: now(containerResource),
      container: containerResource.container,
    },
    external: external && {
      metric: clean({ name: external.metricName, selector: external.metricSelector }),
      current: clean({ value: external.currentValue, averageValue: external.currentAverageValue }),
    },
  }) as unknown as MetricStatus;
}
