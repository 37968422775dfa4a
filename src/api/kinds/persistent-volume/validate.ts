/** PersistentVolumes. */
import type { FieldError } from '../../definition.ts';
import type { PersistentVolume, PersistentVolumeSpec } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { dns1123Subdomain } from '../../meta/names.ts';
import { immutable, matches, oneOf, positiveQuantity } from '../checks.ts';
import { sameJson } from '../strategy.ts';
import { validateAccessModes, volumeModes } from '../volume/access-modes.ts';
import { validateNodeAffinity } from './validate-affinity.ts';
import { givenSources, validateSources } from './validate-source.ts';

const storage = 'storage';

export function validatePersistentVolume({ spec = {} }: PersistentVolume): FieldError[] {
  const field = 'spec';
  const affinity = spec.nodeAffinity;
  return [
    ...((spec.accessModes?.length ?? 0) === 0 ? [fieldRequired(`${field}.accessModes`)] : []),
    ...validateAccessModes(`${field}.accessModes`, spec.accessModes),
    ...validateCapacity(spec),
    ...oneOf(`${field}.persistentVolumeReclaimPolicy`, spec.persistentVolumeReclaimPolicy, [
      'Delete',
      'Recycle',
      'Retain',
    ]),
    ...(affinity ? validateNodeAffinity(affinity, `${field}.nodeAffinity`) : []),
    ...validateSources(spec, field),
    ...(spec.hostPath?.path && /^\/+$/.test(spec.hostPath.path) && spec.persistentVolumeReclaimPolicy === 'Recycle'
      ? [fieldForbidden(`${field}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'")]
      : []),
    ...matches(`${field}.storageClassName`, spec.storageClassName, dns1123Subdomain),
    ...oneOf(`${field}.volumeMode`, spec.volumeMode, volumeModes),
    ...validateAttributesClass(spec),
  ];
}

function validateCapacity({ capacity }: PersistentVolumeSpec): FieldError[] {
  const field = 'spec.capacity';
  const names = Object.keys(capacity ?? {});
  const errors = names.length === 0 ? [fieldRequired(field)] : [];
  if (!names.includes(storage) || names.length > 1) errors.push(fieldNotSupported(field, capacity, [storage]));
  return [...errors, ...names.flatMap((name) => positiveQuantity(`${field}[${name}]`, capacity?.[name]))];
}

function validateAttributesClass({ volumeAttributesClassName: name, csi }: PersistentVolumeSpec): FieldError[] {
  if (name === undefined) return [];
  const field = 'spec.volumeAttributesClassName';
  return [
    ...(name === '' ? [fieldRequired(field, 'an empty string is disallowed')] : matches(field, name, dns1123Subdomain)),
    ...(csi ? [] : [fieldRequired('spec.csi', 'has to be specified when using volumeAttributesClassName')]),
  ];
}

export function validatePersistentVolumeUpdate(volume: PersistentVolume, old: PersistentVolume): FieldError[] {
  const spec = volume.spec ?? {};
  const before = old.spec ?? {};
  const errors: FieldError[] = [];
  const source = { ...givenSources(spec) };
  // The secret for expansion came later than the volumes.
  if (source.csi && before.csi && !before.csi.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _, ...csi } = source.csi as Record<string, unknown>;
    source.csi = csi;
  }
  if (!sameJson(source, givenSources(before))) {
    const detail = 'spec.persistentvolumesource is immutable after creation';
    errors.push(fieldForbidden('spec.persistentvolumesource', detail));
  }
  errors.push(...immutable('volumeMode', spec.volumeMode, before.volumeMode));
  if (before.nodeAffinity) errors.push(...immutable('nodeAffinity', spec.nodeAffinity, before.nodeAffinity));
  if (before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    const detail = 'update from non-nil value to nil is forbidden';
    errors.push(fieldForbidden('spec.volumeAttributesClassName', detail));
  }
  return errors;
}
