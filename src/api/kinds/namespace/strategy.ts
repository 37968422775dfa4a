/** What is particular about namespaces: the `kubernetes` finalizer holds one until it is empty. */
import type { Namespace } from '../../generated/types/core-v1.ts';
import { dns1123Label } from '../../meta/names.ts';
import { keepAllButStatus, keepField, keepStatus, typedStrategy } from '../strategy.ts';

const nameLabel = 'kubernetes.io/metadata.name';
const finalizer = 'kubernetes';

export const namespaceStrategy = typedStrategy<Namespace>({
  validateName: dns1123Label,
  setDefaults({ metadata }) {
    if (metadata?.name) metadata.labels = { ...metadata.labels, [nameLabel]: metadata.name };
  },
  prepareForCreate(namespace) {
    namespace.status = { phase: 'Active' };
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = { ...namespace.spec, finalizers: [...new Set([...finalizers, finalizer])] };
  },
  prepareForUpdate(namespace, old) {
    keepStatus(namespace, old);
    keepField(namespace, old, 'spec');
  },
  prepareForStatusUpdate: keepAllButStatus,
});
