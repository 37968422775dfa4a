/** What is particular about HorizontalPodAutoscalers. */
import type { HorizontalPodAutoscaler, HPAScalingRules } from '../../generated/types/autoscaling-v2.ts';
import { notNegativeFields } from '../checks.ts';
import { keepAllButStatus, keepStatus, typedStrategy } from '../strategy.ts';
import { validateAutoscaler, validateTargetGroup } from './validate.ts';

const cpuUtilization = 80;

export const horizontalPodAutoscalerStrategy = typedStrategy<HorizontalPodAutoscaler>({
  setDefaults({ spec }) {
    if (!spec) return;
    spec.minReplicas ??= 1;
    if ((spec.metrics?.length ?? 0) === 0) {
      const target = { type: 'Utilization', averageUtilization: cpuUtilization };
      spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
    }
    if (!spec.behavior) return;
    spec.behavior.scaleUp = scalingRules(spec.behavior.scaleUp, {
      stabilizationWindowSeconds: 0,
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
    });
    spec.behavior.scaleDown = scalingRules(spec.behavior.scaleDown, {
      policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    });
  },
  prepareForCreate(autoscaler) {
    autoscaler.status = { currentMetrics: null as never, desiredReplicas: 0 };
  },
  prepareForUpdate: keepStatus,
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateAutoscaler,
  validateCreate: ({ spec }) => validateTargetGroup(spec?.scaleTargetRef),
  validateUpdate: ({ spec }, old) => (sameTarget(spec, old.spec) ? [] : validateTargetGroup(spec?.scaleTargetRef)),
  validateStatusUpdate: ({ status }) => notNegativeFields('status', status, ['currentReplicas', 'desiredReplicas']),
});

function scalingRules(given: HPAScalingRules | undefined, defaults: HPAScalingRules): HPAScalingRules {
  return { selectPolicy: 'Max', ...defaults, ...given };
}

type Spec = HorizontalPodAutoscaler['spec'];

function sameTarget(spec: Spec, old: Spec): boolean {
  const [now, before] = [spec?.scaleTargetRef, old?.scaleTargetRef];
  return now?.apiVersion === before?.apiVersion && now?.kind === before?.kind;
}
