/** Pods without a PriorityClass have priority 0 and may preempt. The two classes that every cluster has are known. */
import { forbidden } from '../errors.ts';
import { podBeingWritten } from './pod-requests.ts';
import type { AdmissionPlugin } from './types.ts';

const systemPriorities: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

export const defaultPriority: AdmissionPlugin = (request) => {
  const spec = podBeingWritten(request, 'CREATE')?.spec;
  if (!spec) return;
  const name = spec.priorityClassName ?? '';
  const priority = name === '' ? 0 : systemPriorities[name];
  if (priority === undefined) {
    throw forbidden(request.definition, request.name, `no PriorityClass with name ${name} was found`);
  }
  if (spec.priority !== undefined && spec.priority !== priority) {
    throw forbidden(
      request.definition,
      request.name,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
    );
  }
  spec.priority = priority;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
};
