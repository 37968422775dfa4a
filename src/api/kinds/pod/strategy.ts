/** What is particular about pods. */
import type { Pod } from '../../generated/types/core-v1.ts';
import {
  firstGeneration,
  keepAllButStatus,
  keepField,
  keepStatus,
  moveGeneration,
  typedStrategy,
} from '../strategy.ts';
import { setPodDefaults } from './defaults.ts';
import { qosClass } from './qos.ts';
import { prepareResize, validateResize } from './resize.ts';
import { validateNewPod, validatePod } from './validate.ts';
import { validatePodUpdate } from './validate-update.ts';

export const podStrategy = typedStrategy<Pod>({
  setDefaults: setPodDefaults,

  prepareForCreate(pod) {
    firstGeneration(pod);
    pod.status = { phase: 'Pending', qosClass: qosClass(pod) };
    if ((pod.spec?.schedulingGates?.length ?? 0) > 0) {
      const message = 'Scheduling is blocked due to non-empty scheduling gates';
      pod.status.conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message }];
    }
  },

  prepareForUpdate(pod, old) {
    keepStatus(pod, old);
    // Ephemeral containers have an endpoint of their own.
    if (pod.spec && old.spec) keepField(pod.spec, old.spec, 'ephemeralContainers');
    moveGeneration(pod, old);
  },

  prepareForStatusUpdate(pod, old) {
    keepAllButStatus(pod, old);
    const qos = old.status?.qosClass;
    if (pod.status && !pod.status.qosClass && qos) pod.status.qosClass = qos;
  },

  subresources: { resize: { prepareForUpdate: prepareResize, validateUpdate: validateResize } },
  validate: validatePod,
  validateCreate: validateNewPod,
  validateUpdate: validatePodUpdate,

  gracePeriodSeconds(pod, requested) {
    const unscheduled = !pod.spec?.nodeName;
    const phase = pod.status?.phase;
    if (unscheduled || phase === 'Succeeded' || phase === 'Failed') return 0;
    const grace = requested ?? pod.spec?.terminationGracePeriodSeconds ?? 0;
    return grace < 0 ? 1 : grace;
  },
});
