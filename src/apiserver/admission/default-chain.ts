/** The admission plugins that are on, in order: first those that complete the object, then those that only refuse. */
import { defaultTolerations } from './default-tolerations.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { defaultPriority } from './priority.ts';
import { defaultServiceAccount } from './service-account.ts';
import type { AdmissionPlugin } from './types.ts';

export const defaultAdmission: readonly AdmissionPlugin[] = [
  namespaceLifecycle,
  defaultServiceAccount,
  defaultPriority,
  defaultTolerations,
  nodeRestriction,
];
