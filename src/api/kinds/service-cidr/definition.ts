/** networking.k8s.io/v1 ServiceCIDR: where addresses of Services come from. */
import type { FieldError } from '../../definition.ts';
import type { ServiceCIDR } from '../../generated/types/networking-v1.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { parseCidr, validCidr } from '../../meta/ip.ts';
import { column } from '../../table/column.ts';
import { each, immutable, matches } from '../checks.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { keepAllButStatus, keepStatus, typedStrategy } from '../strategy.ts';

const kind = { group: 'networking.k8s.io', version: 'v1', kind: 'ServiceCIDR' } as const;
const field = 'spec.cidrs';

export const serviceCidrDefinition = defineKind({
  ...kind,
  resource: 'servicecidrs',
  namespaced: false,
  subresources: [statusSubresource(kind)],
  columns: [column<ServiceCIDR>('CIDRs', 'Blocks of addresses.', ({ spec }) => (spec?.cidrs ?? []).join(','))],
  strategy: typedStrategy<ServiceCIDR>({
    prepareForCreate(range) {
      range.status = {};
    },
    prepareForUpdate: keepStatus,
    prepareForStatusUpdate: keepAllButStatus,
    validate: ({ spec }) => validateCidrs(spec?.cidrs ?? []),
    validateUpdate: ({ spec }, old) => validateCidrsUpdate(spec?.cidrs ?? [], old.spec?.cidrs ?? []),
    validateStatusUpdate: () => [],
  }),
});

function validateCidrs(cidrs: readonly string[]): FieldError[] {
  if (cidrs.length === 0) return [fieldRequired(field, 'at least one CIDR required')];
  if (cidrs.length > 2) {
    return [fieldInvalid(field, cidrs, 'may only hold up to 2 values')];
  }
  const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.family);
  const errors = each(field, cidrs, (cidr, here) => matches(here, cidr, validCidr));
  if (second !== undefined && first === second) {
    const detail = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    errors.push(fieldInvalid(field, cidrs, detail));
  }
  return errors;
}

/** A second family may be added, and that one given up again. */
function validateCidrsUpdate(cidrs: readonly string[], old: readonly string[]): FieldError[] {
  return [...Array(Math.min(cidrs.length, old.length)).keys()].flatMap((index) =>
    immutable(`${field}[${index}]`, cidrs[index], old[index]),
  );
}
