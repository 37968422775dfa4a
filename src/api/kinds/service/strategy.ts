/** What is particular about Services. */
import type { Service } from '../../generated/types/core-v1.ts';
import { keepAllButStatus, keepStatus, typedStrategy } from '../strategy.ts';
import { alignClusterIps, dropUnused, keepGiven } from './changes.ts';
import { setServiceDefaults } from './defaults.ts';
import { serviceWarnings, validateService, validateServiceName, validateServiceUpdate } from './validate.ts';

export const serviceStrategy = typedStrategy<Service>({
  validateName: validateServiceName,
  setDefaults: setServiceDefaults,
  prepareForCreate(service) {
    service.status = { loadBalancer: {} };
    alignClusterIps(service, undefined);
  },
  prepareForUpdate(service, old) {
    keepStatus(service, old);
    alignClusterIps(service, old);
    dropUnused(service, old);
    keepGiven(service, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  warnings: serviceWarnings,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
});
