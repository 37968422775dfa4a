/** Keeps the namespaces that a cluster cannot do without. Existence and termination are checked where an object is created. */
import { forbidden } from '../errors.ts';
import type { AdmissionPlugin } from './types.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);

export const namespaceLifecycle: AdmissionPlugin = ({ operation, definition, name }) => {
  if (operation !== 'DELETE' || definition.group !== '' || definition.resource !== 'namespaces') return;
  if (immortal.has(name)) throw forbidden(definition, name, 'this namespace may not be deleted');
};
