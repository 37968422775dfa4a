/** PersistentVolumeClaims: how many, how much, and both by storage class. */
import type { PersistentVolumeClaim, ScopedResourceSelectorRequirement } from '../generated/types/core-v1.ts';
import { compareQuantities, parseQuantity, type Quantity } from '../meta/quantity.ts';
import { one } from './amounts.ts';
import type { Evaluator } from './evaluator.ts';
import { selectorTakes } from './scopes.ts';

const count = 'persistentvolumeclaims';
const storage = 'requests.storage';
const classInfix = '.storageclass.storage.k8s.io/';
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';
const nano = 1_000_000_000n;

export const claimEvaluator: Evaluator = {
  handles: ({ subresource }) => subresource === undefined || subresource === 'status',
  counts(resource) {
    if (resource === `count/${count}` || resource === count || resource === storage) return true;
    return resource.endsWith(`${classInfix}${count}`) || resource.endsWith(`${classInfix}${storage}`);
  },
  usage(object) {
    const claim = object as PersistentVolumeClaim;
    const storageClass = classOf(claim);
    const size = sizeOf(claim);
    return {
      [count]: one,
      [`count/${count}`]: one,
      ...(storageClass && { [`${storageClass}${classInfix}${count}`]: one }),
      ...(size && { [storage]: size }),
      ...(size && storageClass && { [`${storageClass}${classInfix}${storage}`]: size }),
    };
  },
  inScope(selector, object) {
    if (selector.scopeName !== 'VolumeAttributesClass') return false;
    return inClass(selector, object as PersistentVolumeClaim);
  },
};

export function classOf({ metadata, spec }: PersistentVolumeClaim): string | undefined {
  return metadata?.annotations?.[classAnnotation] ?? spec?.storageClassName;
}

/** In whole bytes. While a claim shrinks back after a failed expansion, what was given counts. */
function sizeOf({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const asked = spec?.resources?.requests?.storage;
  if (asked === undefined) return undefined;
  const wanted = roundUp(parseQuantity(String(asked)));
  const given = status?.allocatedResources?.storage;
  if (given === undefined) return wanted;
  const allocated = roundUp(parseQuantity(String(given)));
  return compareQuantities(allocated, wanted) > 0 ? allocated : wanted;
}

function roundUp({ nanos, format }: Quantity): Quantity {
  return { nanos: ((nanos + nano - 1n) / nano) * nano, format };
}

function inClass(selector: ScopedResourceSelectorRequirement, { spec, status }: PersistentVolumeClaim): boolean {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name): name is string => Boolean(name));
  if (selector.operator === 'Exists') return names.length > 0;
  return names.length === 0 ? selectorTakes(selector, undefined) : names.some((name) => selectorTakes(selector, name));
}
