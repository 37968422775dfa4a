/** What is particular about ReplicationControllers: selector and labels come from the template when they are not given. */
import type { ReplicationController } from '../../generated/types/core-v1.ts';
import { fieldRequired } from '../../meta/field-error.ts';
import { notNegative } from '../checks.ts';
import { setPodSpecDefaults } from '../pod/defaults.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { validateReplicaCounts } from '../workload/status.ts';
import { validateTemplate } from '../workload/validate-template.ts';

const counted = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];

export const replicationControllerStrategy = typedStrategy<ReplicationController>({
  setDefaults(controller) {
    const { spec } = controller;
    if (!spec) return;
    const labels = spec.template?.metadata?.labels;
    if (labels && !spec.selector) spec.selector = { ...labels };
    if (labels && !controller.metadata?.labels) controller.metadata = { ...controller.metadata, labels: { ...labels } };
    spec.replicas ??= 1;
    if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
  },
  prepareForCreate(controller) {
    controller.status = { replicas: 0 };
    firstGeneration(controller);
  },
  prepareForUpdate(controller, old) {
    keepStatus(controller, old);
    moveGeneration(controller, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate({ spec }) {
    const selector = spec?.selector ?? {};
    const isEmpty = Object.keys(selector).length === 0;
    return [
      ...notNegative('spec.minReadySeconds', spec?.minReadySeconds),
      ...(isEmpty ? [fieldRequired('spec.selector')] : []),
      ...notNegative('spec.replicas', spec?.replicas),
      ...validateTemplate(spec?.template, isEmpty ? undefined : { matchLabels: selector }, 'ReplicationController'),
    ];
  },
  validateStatusUpdate: ({ status }) => validateReplicaCounts(status, counted),
});
