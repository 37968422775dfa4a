/** What is particular about Services. */
import type { Service } from '../../generated/types/core-v1.ts';
import { keepAllButStatus, keepField, keepStatus, typedStrategy } from '../strategy.ts';
import { setServiceDefaults } from './defaults.ts';
import { validateService, validateServiceName, validateServiceUpdate } from './validate.ts';

export const serviceStrategy = typedStrategy<Service>({
  validateName: validateServiceName,
  setDefaults: setServiceDefaults,
  prepareForCreate(service) {
    service.status = { loadBalancer: {} };
  },
  prepareForUpdate(service, old) {
    keepStatus(service, old);
    // What was allocated stays when a client that does not know of it leaves it out.
    if (service.spec && old.spec && !service.spec.clusterIP && service.spec.type !== 'ExternalName') {
      keepField(service.spec, old.spec, 'clusterIP');
      keepField(service.spec, old.spec, 'clusterIPs');
    }
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
});
