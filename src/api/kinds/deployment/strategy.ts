/** What is particular about Deployments. */
import type { Deployment } from '../../generated/types/apps-v1.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { setDeploymentDefaults } from './defaults.ts';
import { validateDeployment, validateDeploymentUpdate } from './validate.ts';

export const deploymentStrategy = typedStrategy<Deployment>({
  setDefaults: setDeploymentDefaults,
  prepareForCreate(deployment) {
    deployment.status = {};
    firstGeneration(deployment);
  },
  prepareForUpdate(deployment, old) {
    keepStatus(deployment, old);
    moveGeneration(deployment, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
});
