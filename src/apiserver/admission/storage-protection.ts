/** Claims, volumes and classes of volume attributes stay until nothing uses them (Kubernetes, "StorageObjectInUseProtection"): their controller takes the finalizer away. */
import type { AdmissionPlugin } from './types.ts';

const finalizers: Readonly<Record<string, string>> = {
  '/persistentvolumeclaims': 'kubernetes.io/pvc-protection',
  '/persistentvolumes': 'kubernetes.io/pv-protection',
  'storage.k8s.io/volumeattributesclasses': 'kubernetes.io/vac-protection',
};

export const storageProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: ({ definition, operation, subresource }) =>
    operation === 'CREATE' &&
    subresource === undefined &&
    Object.hasOwn(finalizers, `${definition.group}/${definition.resource}`),
  mutate({ definition, object }) {
    const finalizer = finalizers[`${definition.group}/${definition.resource}`]!;
    const given = object?.metadata?.finalizers ?? [];
    if (!object || given.includes(finalizer)) return;
    object.metadata = { ...object.metadata, finalizers: [...given, finalizer] };
  },
};
