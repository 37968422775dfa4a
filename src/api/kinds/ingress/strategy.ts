/** What is particular about Ingresses. */
import type { Ingress } from '../../generated/types/networking-v1.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { classAnnotation, validateIngress, validateIngressStatus, validateNewIngress } from './validate.ts';

export const ingressStrategy = typedStrategy<Ingress>({
  prepareForCreate(ingress) {
    ingress.status = { loadBalancer: {} };
    firstGeneration(ingress);
  },
  prepareForUpdate(ingress, old) {
    keepStatus(ingress, old);
    moveGeneration(ingress, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateIngress,
  validateCreate: validateNewIngress,
  validateStatusUpdate: validateIngressStatus,
  warnings({ metadata }, old) {
    if (old || metadata?.annotations?.[classAnnotation] === undefined) return [];
    return [`annotation ${JSON.stringify(classAnnotation)} is deprecated, please use 'spec.ingressClassName' instead`];
  },
});
