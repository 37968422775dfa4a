/** What is particular about EndpointSlices. */
import type { FieldError } from '../../definition.ts';
import type { EndpointSubset, Endpoints } from '../../generated/types/core-v1.ts';
import type { EndpointSlice } from '../../generated/types/discovery-v1.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { validIp } from '../../meta/ip.ts';
import { dns1123Subdomain } from '../../meta/names.ts';
import { atMost, each, matches, oneOf, portNumber, required, unique } from '../checks.ts';
import { sameJson, typedStrategy } from '../strategy.ts';

export const endpointSliceStrategy = typedStrategy<EndpointSlice>({
  setDefaults(slice) {
    slice.endpoints ??= [];
    for (const endpoint of slice.endpoints) endpoint.conditions ??= {};
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  prepareForCreate(slice) {
    slice.metadata = { ...slice.metadata, generation: 1 };
  },
  prepareForUpdate(slice, old) {
    const before = old.metadata?.generation ?? 0;
    const { metadata: _, ...content } = slice;
    const { metadata: __, ...oldContent } = old;
    slice.metadata = { ...slice.metadata, generation: sameJson(content, oldContent) ? before : before + 1 };
  },
  validate: validateSlice,
  validateUpdate(slice, old) {
    if (slice.addressType === old.addressType) return [];
    return [fieldInvalid('addressType', slice.addressType, 'field is immutable')];
  },
});

const protocols = ['SCTP', 'TCP', 'UDP'];
const maxEndpoints = 1000;
const maxAddresses = 100;

function validateSlice({ addressType, endpoints, ports }: EndpointSlice): FieldError[] {
  const type = addressType
    ? oneOf('addressType', addressType, ['FQDN', 'IPv4', 'IPv6'])
    : required('addressType', addressType);
  return [
    ...type,
    ...atMost('endpoints', endpoints, maxEndpoints),
    ...each('endpoints', endpoints, ({ addresses = [] }, field) => {
      const here = `${field}.addresses`;
      if (addresses.length === 0) return [fieldRequired(here, 'must contain at least 1 address')];
      const rule = addressType === 'FQDN' ? dns1123Subdomain : validIp;
      return [
        ...atMost(here, addresses, maxAddresses),
        ...each(here, addresses, (address, at) => [
          ...(address === '' ? [fieldInvalid(at, address, validIp(address) ?? '')] : matches(at, address, rule)),
          ...(rule === validIp ? specialIp(at, address) : []),
        ]),
      ];
    }),
    ...each('ports', ports, ({ protocol }, field) => oneOf(`${field}.protocol`, protocol, protocols)),
    ...unique(
      ports,
      ({ name }) => `/${name ?? ''}`,
      (index) => `ports[${index}].name`,
    ),
  ];
}

/** Addresses that mean something else on every machine. */
export function specialIp(field: string, address: string): FieldError[] {
  const told = (range: string) => [fieldInvalid(field, address, `may not be in the ${range}`)];
  if (/^0\.0\.0\.0$|^::$/.test(address)) return [fieldInvalid(field, address, `may not be unspecified (${address})`)];
  if (/^127\./.test(address) || address === '::1') return told('loopback range (127.0.0.0/8, ::1/128)');
  if (/^169\.254\./.test(address) || /^fe[89ab]/i.test(address))
    return told('link-local range (169.254.0.0/16, fe80::/10)');
  return [];
}

export const endpointsStrategy = typedStrategy<Endpoints>({
  setDefaults({ subsets }) {
    for (const { ports } of subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP';
  },
  validate: ({ subsets }) => each('subsets', subsets, validateSubset),
});

function validateSubset(
  { addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (addresses.length + notReadyAddresses.length === 0) {
    errors.push(fieldRequired(field, 'must specify `addresses` or `notReadyAddresses`'));
  }
  const checked = (list: typeof addresses, name: string) =>
    each(`${field}.${name}`, list, ({ ip }, here) => [
      ...(validIp(ip ?? '') ? [fieldInvalid(`${here}.ip`, ip, validIp(ip ?? '') ?? '')] : []),
      ...specialIp(`${here}.ip`, ip ?? ''),
    ]);
  return [
    ...errors,
    ...checked(addresses, 'addresses'),
    ...checked(notReadyAddresses, 'notReadyAddresses'),
    ...each(`${field}.ports`, ports, ({ name, port, protocol }, here) => [
      ...(ports.length > 1 ? required(`${here}.name`, name) : []),
      ...portNumber(`${here}.port`, port ?? 0),
      ...oneOf(`${here}.protocol`, protocol, protocols),
    ]),
  ];
}
