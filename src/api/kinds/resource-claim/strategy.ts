/** What is particular about ResourceClaims and their templates: what they ask for is fixed. */
import type { FieldError } from '../../definition.ts';
import type {
  DeviceClaim,
  ResourceClaim,
  ResourceClaimStatus,
  ResourceClaimTemplate,
} from '../../generated/types/resource-v1.ts';
import { fieldForbidden, fieldInvalid } from '../../meta/field-error.ts';
import { atMost, each, immutable, required, unique } from '../checks.ts';
import { keepAllButStatus, keepStatus, sameJson, typedStrategy } from '../strategy.ts';
import { validateDeviceClaim } from './validate-requests.ts';

const maxConsumers = 256;

function setClaimDefaults(devices: DeviceClaim | undefined): void {
  for (const { exactly, firstAvailable } of devices?.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) {
      request.allocationMode ||= 'ExactCount';
      if (request.allocationMode === 'ExactCount') request.count ||= 1;
      for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
    }
  }
}

export const resourceClaimStrategy = typedStrategy<ResourceClaim>({
  setDefaults({ spec }) {
    setClaimDefaults(spec?.devices);
  },
  prepareForCreate(claim) {
    claim.status = {};
  },
  prepareForUpdate: keepStatus,
  prepareForStatusUpdate: keepAllButStatus,
  validate: ({ spec }) => validateDeviceClaim(spec?.devices, 'spec.devices'),
  validateUpdate: ({ spec }, old) => immutable('spec', spec, old.spec),
  validateStatusUpdate: (claim, old) => validateStatus(claim.status ?? {}, old.status ?? {}, claim),
});

export const resourceClaimTemplateStrategy = typedStrategy<ResourceClaimTemplate>({
  setDefaults({ spec }) {
    if (spec) spec.metadata ??= {};
    setClaimDefaults(spec?.spec?.devices);
  },
  validate: ({ spec }) => validateDeviceClaim(spec?.spec?.devices, 'spec.spec.devices'),
  validateUpdate: ({ spec }, old) => immutable('spec', spec, old.spec),
});

function validateStatus(status: ResourceClaimStatus, old: ResourceClaimStatus, claim: ResourceClaim): FieldError[] {
  const field = 'status.reservedFor';
  const consumers = status.reservedFor ?? [];
  const errors = [
    ...atMost(field, consumers, maxConsumers),
    ...each(field, consumers, ({ resource, name, uid }, here) => [
      ...required(`${here}.resource`, resource),
      ...required(`${here}.name`, name),
      ...required(`${here}.uid`, uid),
    ]),
    ...unique(
      consumers,
      ({ uid }) => uid,
      (index) => `${field}[${index}].uid`,
    ),
  ];
  if (consumers.length > 0 && !status.allocation) {
    errors.push(fieldForbidden(field, 'may not be specified when `allocated` is not set'));
  }
  if (claim.metadata?.deletionTimestamp) {
    const before = new Set((old.reservedFor ?? []).map(({ uid }) => uid));
    if (consumers.some(({ uid }) => !before.has(uid))) {
      errors.push(fieldForbidden(field, 'new reservedFor not allowed while claim is deallocated or being deleted'));
    }
  }
  if (old.allocation && status.allocation && !sameJson(status.allocation, old.allocation)) {
    errors.push(fieldInvalid('status.allocation', status.allocation, 'field is immutable'));
  }
  return errors;
}
