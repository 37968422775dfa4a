/** The admission plugins that are on, in order: first those that complete the object, then those that only refuse. */
import type { Store } from '../../store/types.ts';
import { defaultTolerations } from './default-tolerations.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { priority } from './priority.ts';
import { serviceAccount } from './service-account.ts';
import type { AdmissionPlugin } from './types.ts';

/** `store`: for plugins that judge by other objects. */
export function defaultAdmission(store: Pick<Store, 'get' | 'range'>): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle,
    serviceAccount(store),
    priority(store),
    defaultTolerations,
    limitRanger(store),
    nodeRestriction(store),
  ];
}
