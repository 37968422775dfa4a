/**
 * Priority of pods (Kubernetes, "Priority" admission): by the PriorityClass that they name, or the one that is the default for all, else 0. What
 * this replica knows of PriorityClasses decides, which may be a moment behind.
 */
import type { Pod } from '../../api/generated/types/core-v1.ts';
import type { PriorityClass } from '../../api/generated/types/scheduling-v1.ts';
import { resources } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { forbidden } from '../errors.ts';
import { concerns, isAbout, objectOf } from './scope.ts';
import { objectsOf } from './stored-objects.ts';
import type { AdmissionPlugin } from './types.ts';

const priorityClasses = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };

/** Every cluster has them; until their objects are there, and should somebody delete them, they count all the same. */
export const systemClasses: readonly PriorityClass[] = [
  {
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'For what its node cannot do without, and no other node can do for it.',
  },
  {
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description: 'For what the cluster cannot do without, on whichever node.',
  },
];

const pods = concerns(resources.pods, 'CREATE');
const classes = concerns(priorityClasses, 'CREATE', 'UPDATE');

export function priority(store: Pick<Store, 'range'>): AdmissionPlugin {
  return {
    name: 'Priority',
    handles: (scope) => pods.handles(scope) || classes.handles(scope),
    validate(request) {
      if (!isAbout(request, priorityClasses)) return;
      const own = objectOf<PriorityClass>(request);
      if (!own.globalDefault) return;
      const other = choose(objectsOf(store, priorityClasses) as unknown as PriorityClass[], undefined);
      if (!other || other.metadata?.name === own.metadata?.name) return;
      const why = `PriorityClass ${other.metadata?.name} is already marked as default. Only one default can exist`;
      throw forbidden(request.definition, request.name, why);
    },
    mutate(request) {
      if (!pods.handles(request)) return;
      const { spec } = objectOf<Pod>(request);
      if (!spec) return;
      const stored = objectsOf(store, priorityClasses) as unknown as PriorityClass[];
      const chosen = choose([...systemClasses, ...stored], spec.priorityClassName);
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
