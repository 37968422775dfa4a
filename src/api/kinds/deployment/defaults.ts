/** Defaults of Deployments. In place. */
import type { Deployment } from '../../generated/types/apps-v1.ts';
import { setPodSpecDefaults } from '../pod/defaults.ts';

export const defaultRollingShare = '25%';
const revisionHistoryLimit = 10;
const progressDeadlineSeconds = 600;

export function setDeploymentDefaults(deployment: Deployment): void {
  const spec = deployment.spec;
  if (!spec) return;
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= revisionHistoryLimit;
  spec.progressDeadlineSeconds ??= progressDeadlineSeconds;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= defaultRollingShare;
    spec.strategy.rollingUpdate.maxSurge ??= defaultRollingShare;
  }
  if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
}
