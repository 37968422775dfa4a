/** storage.k8s.io/v1 CSIStorageCapacity. */
import type { CSIStorageCapacity } from '../../generated/types/storage-v1.ts';
import { fieldInvalid } from '../../meta/field-error.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { dns1123Subdomain } from '../../meta/names.ts';
import { column, nameColumn } from '../../table/column.ts';
import { unset } from '../../table/format.ts';
import { immutable, notNegativeQuantity } from '../checks.ts';
import { defineKind } from '../define.ts';
import { typedStrategy } from '../strategy.ts';

export const csiStorageCapacityDefinition = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  resource: 'csistoragecapacities',
  namespaced: true,
  needsResourceVersion: true,
  allColumns: [
    nameColumn,
    column<CSIStorageCapacity>('StorageClassName', 'Of which class.', ({ storageClassName }) => storageClassName ?? ''),
    column<CSIStorageCapacity>('Capacity', 'How much is left.', ({ capacity }) => String(capacity ?? unset)),
  ],
  strategy: typedStrategy<CSIStorageCapacity>({
    validate: ({ nodeTopology, storageClassName, capacity }) => [
      ...(nodeTopology ? validateLabelSelector(nodeTopology, 'nodeTopology') : []),
      ...nameErrors(storageClassName ?? ''),
      ...notNegativeQuantity('capacity', capacity),
    ],
    validateUpdate: (capacity, old) => [
      ...immutable('nodeTopology', capacity.nodeTopology, old.nodeTopology),
      ...immutable('storageClassName', capacity.storageClassName, old.storageClassName),
    ],
  }),
});

/** An empty name is a wrong one here. */
function nameErrors(name: string) {
  const problem = dns1123Subdomain(name);
  return problem ? [fieldInvalid('storageClassName', name, problem)] : [];
}
