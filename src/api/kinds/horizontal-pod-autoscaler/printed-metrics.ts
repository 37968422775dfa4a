/** Metrics in a cell of `kubectl get hpa`: `cpu: 30%/80%, 100m/1 + 2 more...`. */
import type {
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../../generated/types/autoscaling-v2.ts';
import { none, unknown } from '../../table/format.ts';

const maxShown = 2;

export function formatMetrics(specs: readonly MetricSpec[] = [], statuses: readonly MetricStatus[] = []): string {
  if (specs.length === 0) return none;
  const all = specs.map((spec, index) => formatMetric(spec, statuses[index]));
  const shown = all.slice(0, maxShown).join(', ');
  return all.length > maxShown ? `${shown} + ${all.length - maxShown} more...` : shown;
}

function formatMetric(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return amounts(spec.external?.target, status?.external?.current);
    case 'Object':
      return amounts(spec.object?.target, status?.object?.current);
    case 'Pods':
      return `${quantity(status?.pods?.current?.averageValue)}/${spec.pods?.target?.averageValue ?? '0'}`;
    case 'Resource':
      return `${spec.resource?.name}: ${resource(spec.resource?.target, status?.resource?.current)}`;
    case 'ContainerResource': {
      const { name, target } = spec.containerResource ?? {};
      return `${name}: ${resource(target, status?.containerResource?.current)}`;
    }
    default:
      return '<unknown type>';
  }
}

function quantity(value: unknown): string {
  return value === undefined ? unknown : String(value);
}

function amounts(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue === undefined) return `${quantity(current?.value)}/${target?.value ?? '0'}`;
  return `${quantity(current?.averageValue)}/${target.averageValue} (avg)`;
}

function resource(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${quantity(current?.averageValue)}/${target.averageValue}`;
  const percent = (value: number | undefined, absent: string) => (value === undefined ? absent : `${value}%`);
  return `${percent(current?.averageUtilization, unknown)}/${percent(target?.averageUtilization, '<auto>')}`;
}
