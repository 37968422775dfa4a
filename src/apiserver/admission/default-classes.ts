/** The class that claims and Ingresses get when they name none: the one that is marked as default, the newest if there are several. */
import type { PersistentVolumeClaim } from '../../api/generated/types/core-v1.ts';
import type { Ingress } from '../../api/generated/types/networking-v1.ts';
import type { KubernetesObject } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { concerns, objectOf } from './scope.ts';
import { objectsOf } from './stored-objects.ts';
import type { AdmissionPlugin } from './types.ts';

const storageClasses = { group: 'storage.k8s.io', resource: 'storageclasses' };
const storageAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const claimAnnotation = 'volume.beta.kubernetes.io/storage-class';
const ingressClasses = { group: 'networking.k8s.io', resource: 'ingressclasses' };
const ingressAnnotations = ['ingressclass.kubernetes.io/is-default-class'];
const ingressClassAnnotation = 'kubernetes.io/ingress.class';

export function defaultStorageClass(store: Pick<Store, 'range'>): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    ...concerns({ group: '', resource: 'persistentvolumeclaims' }, 'CREATE'),
    mutate(request) {
      const { metadata, spec } = objectOf<PersistentVolumeClaim>(request);
      if (!spec || spec.storageClassName !== undefined || metadata?.annotations?.[claimAnnotation] !== undefined)
        return;
      const name = defaultOf(objectsOf(store, storageClasses), storageAnnotations);
      if (name !== undefined) spec.storageClassName = name;
    },
  };
}

export function defaultIngressClass(store: Pick<Store, 'range'>): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    ...concerns({ group: 'networking.k8s.io', resource: 'ingresses' }, 'CREATE'),
    mutate(request) {
      const { metadata, spec } = objectOf<Ingress>(request);
      if (!spec || spec.ingressClassName !== undefined) return;
      if (metadata?.annotations?.[ingressClassAnnotation] !== undefined) return;
      const name = defaultOf(objectsOf(store, ingressClasses), ingressAnnotations);
      if (name !== undefined) spec.ingressClassName = name;
    },
  };
}

/** Of classes of the same age the first by name. */
export function defaultOf(classes: readonly KubernetesObject[], annotations: readonly string[]): string | undefined {
  const defaults = classes.filter(({ metadata }) =>
    annotations.some((annotation) => metadata?.annotations?.[annotation] === 'true'),
  );
  const age = ({ metadata }: KubernetesObject) => Date.parse(metadata?.creationTimestamp ?? '') || 0;
  const name = ({ metadata }: KubernetesObject) => metadata?.name ?? '';
  const [newest] = defaults.sort((a, b) => age(b) - age(a) || (name(a) < name(b) ? -1 : 1));
  return newest?.metadata?.name;
}
