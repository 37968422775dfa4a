/** Keeps the namespaces that a cluster cannot do without. Existence and termination are checked where an object is created. */

import { resources } from '../../api/types.ts';
import { forbidden } from '../errors.ts';
import { concerns } from './scope.ts';
import type { AdmissionPlugin } from './types.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);

export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  ...concerns(resources.namespaces, 'DELETE'),
  mutate({ definition, name }) {
    if (immortal.has(name)) throw forbidden(definition, name, 'this namespace may not be deleted');
  },
};
