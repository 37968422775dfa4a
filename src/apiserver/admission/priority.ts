/**
 * Priority of pods (Kubernetes, "Priority" admission): by the PriorityClass that they name, or the one that is the default for all, else 0. What
 * this replica knows of PriorityClasses decides, which may be a moment behind. The two classes that every cluster has need no object.
 */
import type { Pod } from '../../api/generated/types/core-v1.ts';
import type { PriorityClass } from '../../api/generated/types/scheduling-v1.ts';
import { resources } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { forbidden } from '../errors.ts';
import { collectionRange } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { concerns, objectOf } from './scope.ts';
import type { AdmissionPlugin } from './types.ts';

const priorityClasses = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };

const systemClasses: readonly PriorityClass[] = [
  { metadata: { name: 'system-node-critical' }, value: 2_000_001_000 },
  { metadata: { name: 'system-cluster-critical' }, value: 2_000_000_000 },
];

export function priority(store: Pick<Store, 'range'>): AdmissionPlugin {
  return {
    name: 'Priority',
    ...concerns(resources.pods, 'CREATE'),
    mutate(request) {
      const { spec } = objectOf<Pod>(request);
      if (!spec) return;
      const stored = store.range(collectionRange(priorityClasses, undefined)).items;
      const classes = [
        ...systemClasses,
        ...stored.map((item) => decodeShared(recordOf(item)) as unknown as PriorityClass),
      ];
      const chosen = choose(classes, spec.priorityClassName);
      if (spec.priorityClassName && !chosen) {
        const message = `no PriorityClass with name ${spec.priorityClassName} was found`;
        throw forbidden(request.definition, request.name, message);
      }
      const value = chosen?.value ?? 0;
      if (spec.priority !== undefined && spec.priority !== value) {
        const message =
          `the integer value of priority (${spec.priority}) must not be provided in pod spec; ` +
          `priority admission controller computed ${value} from the given PriorityClass name`;
        throw forbidden(request.definition, request.name, message);
      }
      if (chosen) spec.priorityClassName = chosen.metadata?.name;
      spec.priority = value;
      spec.preemptionPolicy ??= chosen?.preemptionPolicy ?? 'PreemptLowerPriority';
    },
  };
}

/** Of several defaults the lowest counts, as upstream. */
function choose(classes: readonly PriorityClass[], name: string | undefined): PriorityClass | undefined {
  if (name) return classes.find(({ metadata }) => metadata?.name === name);
  return classes.filter(({ globalDefault }) => globalDefault).sort((a, b) => a.value - b.value)[0];
}
