/** resource.k8s.io/v1 ResourceSlice: devices that a driver offers. */
import type { FieldError } from '../../definition.ts';
import type { Device, ResourceSlice } from '../../generated/types/resource-v1.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '../../meta/names.ts';
import { timestampOf } from '../../meta/timestamp.ts';
import { column } from '../../table/column.ts';
import {
  atMost,
  each,
  immutable,
  matches,
  notNegative,
  oneOf,
  present,
  required,
  requiredName,
  unique,
} from '../checks.ts';
import { defineKind, fieldAt } from '../define.ts';
import { validateDriverName } from '../persistent-volume/validate-source.ts';
import { firstGeneration, moveGeneration, typedStrategy } from '../strategy.ts';

const maxDevices = 128;
const maxAttributesAndCapacities = 32;
const places = ['nodeName', 'nodeSelector', 'allNodes', 'perDeviceNodeSelection'];

export const resourceSliceDefinition = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  resource: 'resourceslices',
  namespaced: false,
  fieldSelectors: { 'spec.nodeName': fieldAt('spec.nodeName'), 'spec.driver': fieldAt('spec.driver') },
  columns: [
    column<ResourceSlice>('Node', 'Where its devices are.', ({ spec }) => spec?.nodeName ?? ''),
    column<ResourceSlice>('Driver', 'Who offers them.', ({ spec }) => spec?.driver ?? ''),
    column<ResourceSlice>('Pool', 'To which pool they belong.', ({ spec }) => spec?.pool?.name ?? ''),
  ],
  strategy: typedStrategy<ResourceSlice>({
    prepareForCreate(slice, { nowMs }) {
      firstGeneration(slice);
      stampTaints(slice, nowMs);
    },
    prepareForUpdate(slice, old, { nowMs }) {
      stampTaints(slice, nowMs);
      moveGeneration(slice, old);
    },
    validate: validateSlice,
    validateUpdate: ({ spec }, old) => [
      ...immutable('spec.nodeName', spec?.nodeName, old.spec?.nodeName),
      ...immutable('spec.driver', spec?.driver, old.spec?.driver),
      ...immutable('spec.pool.name', spec?.pool?.name, old.spec?.pool?.name),
    ],
  }),
});

function stampTaints({ spec }: ResourceSlice, nowMs: number): void {
  for (const { taints } of spec?.devices ?? [])
    for (const taint of taints ?? []) taint.timeAdded ??= timestampOf(nowMs);
}

function validateSlice({ spec }: ResourceSlice): FieldError[] {
  if (!spec) return [fieldRequired('spec')];
  const { pool, devices } = spec;
  const given = present(spec, places);
  const errors: FieldError[] = [];
  if (given.length === 0) {
    errors.push(fieldRequired('spec', `exactly one of ${places.map((name) => `\`${name}\``).join(', ')} is required`));
  } else if (given.length > 1) {
    const detail = `exactly one of ${places.map((name) => `\`${name}\``).join(', ')} is required, but multiple fields are set`;
    errors.push(fieldInvalid('spec', given.join(', '), detail));
  }
  const slices = pool?.resourceSliceCount ?? 0;
  return [
    ...required('spec.driver', spec.driver),
    ...validateDriverName('spec.driver', spec.driver),
    ...required('spec.pool.name', pool?.name),
    ...each('spec.pool.name', pool?.name?.split('/'), (part) => matches('spec.pool.name', part, dns1123Subdomain)),
    ...(slices <= 0 ? [fieldInvalid('spec.pool.resourceSliceCount', slices, 'must be greater than zero')] : []),
    ...notNegative('spec.pool.generation', pool?.generation),
    ...errors,
    ...matches('spec.nodeName', spec.nodeName, dns1123Subdomain),
    ...atMost('spec.devices', devices, maxDevices),
    ...each('spec.devices', devices, validateDevice),
    ...unique(
      devices,
      ({ name }) => name,
      (index) => `spec.devices[${index}].name`,
    ),
  ];
}

function validateDevice({ name, attributes = {}, capacity = {}, taints }: Device, field: string): FieldError[] {
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  const errors = requiredName(`${field}.name`, name, dns1123Label);
  if (count > maxAttributesAndCapacities) {
    const detail = `the total number of attributes and capacities must not exceed ${maxAttributesAndCapacities}`;
    errors.push(fieldInvalid(field, count, detail));
  }
  for (const [key, value] of Object.entries(attributes)) {
    const here = `${field}.attributes[${key}]`;
    const set = present(value, ['bool', 'int', 'string', 'version']);
    if (set.length === 0) errors.push(fieldRequired(here, 'exactly one value must be specified'));
    if (set.length > 1) errors.push(fieldInvalid(here, value, 'exactly one value must be specified'));
  }
  return [
    ...errors,
    ...each(`${field}.taints`, taints, ({ key, effect }, here) => [
      ...required(`${here}.key`, key),
      ...oneOf(`${here}.effect`, effect ?? '', ['NoExecute', 'NoSchedule', 'None']),
    ]),
  ];
}
