/** PersistentVolumeClaims. */
import type { FieldError } from '../../definition.ts';
import type {
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  TypedObjectReference,
} from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { dns1123Label, dns1123Subdomain } from '../../meta/names.ts';
import { compareQuantities, parseQuantity } from '../../meta/quantity.ts';
import { immutable, matches, oneOf, positiveQuantity, required } from '../checks.ts';
import { sameJson } from '../strategy.ts';
import { validateAccessModes, volumeModes } from '../volume/access-modes.ts';

const storage = 'storage';

/** `field`: `spec`, or where a template holds it. */
export function validateClaimSpec(spec: PersistentVolumeClaimSpec | undefined, field: string): FieldError[] {
  const claim = spec ?? {};
  const requested = claim.resources?.requests?.[storage];
  const errors: FieldError[] = [];
  if ((claim.accessModes?.length ?? 0) === 0) {
    errors.push(fieldRequired(`${field}.accessModes`, 'at least 1 access mode is required'));
  }
  return [
    ...errors,
    ...(claim.selector ? validateLabelSelector(claim.selector, `${field}.selector`) : []),
    ...validateAccessModes(`${field}.accessModes`, claim.accessModes),
    ...(requested === undefined
      ? [fieldRequired(`${field}.resources[${storage}]`)]
      : positiveQuantity(`${field}.resources[${storage}]`, requested)),
    ...matches(`${field}.storageClassName`, claim.storageClassName, dns1123Subdomain),
    ...oneOf(`${field}.volumeMode`, claim.volumeMode, volumeModes),
    ...validateSource(`${field}.dataSource`, claim.dataSource),
    ...validateSource(`${field}.dataSourceRef`, claim.dataSourceRef),
    ...validateBothSources(field, claim),
    ...matches(`${field}.volumeAttributesClassName`, claim.volumeAttributesClassName, dns1123Subdomain),
  ];
}

function validateSource(field: string, source: TypedObjectReference | undefined): FieldError[] {
  if (!source) return [];
  const errors = [...required(`${field}.name`, source.name), ...required(`${field}.kind`, source.kind)];
  if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
    const detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    errors.push(fieldInvalid(field, source.kind, detail));
  }
  return [
    ...errors,
    ...matches(`${field}.apiGroup`, source.apiGroup, dns1123Subdomain),
    ...matches(`${field}.namespace`, source.namespace, dns1123Label),
  ];
}

function validateBothSources(field: string, { dataSource, dataSourceRef }: PersistentVolumeClaimSpec): FieldError[] {
  if (!dataSource || !dataSourceRef) return [];
  const here = `${field}.dataSource`;
  if (dataSourceRef.namespace) {
    return [fieldInvalid(field, here, 'may not be specified when dataSourceRef.namespace is specified')];
  }
  const { namespace: _, ...reference } = dataSourceRef;
  return sameJson(dataSource, reference) ? [] : [fieldInvalid(field, here, 'must match dataSourceRef')];
}

/** A claim is fixed, but for its volume (once), its class (once), and what a bound one may ask more of. */
export function validateClaimUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const wanted = structuredClone(claim.spec ?? {});
  const before = structuredClone(old.spec ?? {});
  if (!before.volumeName && wanted.volumeName) before.volumeName = wanted.volumeName;
  if (before.storageClassName === undefined && wanted.storageClassName !== undefined) delete wanted.storageClassName;
  const oldSize = before.resources?.requests?.[storage];
  const newSize = wanted.resources?.requests?.[storage];
  if (claim.status?.phase === 'Bound') {
    if (wanted.resources?.requests && oldSize !== undefined) wanted.resources.requests[storage] = oldSize;
    delete wanted.volumeAttributesClassName;
    delete before.volumeAttributesClassName;
  }
  const errors: FieldError[] = [];
  if (!sameJson(wanted, before)) {
    const detail =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    errors.push(fieldForbidden('spec', detail));
  }
  if (isLess(newSize, oldSize) && !isLess(old.status?.capacity?.[storage] ?? '0', newSize)) {
    errors.push(fieldForbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  }
  return [
    ...errors,
    ...immutable('volumeMode', claim.spec?.volumeMode, old.spec?.volumeMode),
    ...attributesClassUpdate(claim, old),
  ];
}

function isLess(a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return false;
  return compareQuantities(parseQuantity(String(a)), parseQuantity(String(b))) < 0;
}

function attributesClassUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const wanted = claim.spec?.volumeAttributesClassName;
  if (wanted === old.spec?.volumeAttributesClassName || wanted) return [];
  if (old.status?.currentVolumeAttributesClassName === undefined) return [];
  const what = wanted === undefined ? 'nil' : 'empty string';
  const detail = `update to ${what} is forbidden when status.currentVolumeAttributesClassName is not nil`;
  return [fieldForbidden('spec.volumeAttributesClassName', detail)];
}

const resizeStates = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizePending',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
];

export function validateClaimStatusUpdate({ spec, status }: PersistentVolumeClaim): FieldError[] {
  return [
    ...((spec?.accessModes?.length ?? 0) === 0 ? [fieldRequired('Spec.accessModes')] : []),
    ...Object.values(status?.allocatedResourceStatuses ?? {}).flatMap((state) =>
      oneOf('status.allocatedResourceStatuses', state, resizeStates),
    ),
  ];
}
