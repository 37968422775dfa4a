/** NetworkPolicies. */
import type { FieldError } from '../../definition.ts';
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../generated/types/networking-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { isStrictSubset, notACidr, parseCidr } from '../../meta/ip.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { each, oneOf, portNumber, portNumberOrName } from '../checks.ts';

export function validateNetworkPolicy({ spec = { podSelector: {} } }: NetworkPolicy): FieldError[] {
  const errors = [
    ...validateLabelSelector(spec.podSelector ?? {}, 'spec.podSelector'),
    ...each('spec.ingress', spec.ingress, ({ ports, from }, field) => [
      ...each(`${field}.ports`, ports, validatePort),
      ...each(`${field}.from`, from, validatePeer),
    ]),
    ...each('spec.egress', spec.egress, ({ ports, to }, field) => [
      ...each(`${field}.ports`, ports, validatePort),
      ...each(`${field}.to`, to, validatePeer),
    ]),
  ];
  const types = spec.policyTypes ?? [];
  if (types.length > 2) {
    return [...errors, fieldInvalid('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  }
  return [...errors, ...each('spec.policyTypes', types, (type, field) => oneOf(field, type, ['Ingress', 'Egress']))];
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, field: string): FieldError[] {
  const here = `${field}.endPort`;
  const errors = oneOf(`${field}.protocol`, protocol, ['TCP', 'UDP', 'SCTP']);
  if (port !== undefined) errors.push(...portNumberOrName(`${field}.port`, port));
  if (endPort === undefined) return errors;
  if (port === undefined) {
    errors.push(fieldInvalid(here, endPort, 'may not be specified when `port` is not specified'));
  } else if (typeof port === 'string') {
    errors.push(fieldInvalid(here, endPort, 'may not be specified when `port` is non-numeric'));
  } else {
    if (endPort < port) errors.push(fieldInvalid(here, port, 'must be greater than or equal to `port`'));
    errors.push(...portNumber(here, endPort));
  }
  return errors;
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, field: string): FieldError[] {
  const errors = [
    ...(podSelector ? validateLabelSelector(podSelector, `${field}.podSelector`) : []),
    ...(namespaceSelector ? validateLabelSelector(namespaceSelector, `${field}.namespaceSelector`) : []),
    ...(ipBlock ? validateBlock(ipBlock, `${field}.ipBlock`) : []),
  ];
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(fieldRequired(field, 'must specify a peer'));
  if (ipBlock && (podSelector || namespaceSelector)) {
    errors.push(fieldForbidden(field, 'may not specify both ipBlock and another peer'));
  }
  return errors;
}

function validateBlock({ cidr, except }: IPBlock, field: string): FieldError[] {
  if (!cidr) return [fieldRequired(`${field}.cidr`)];
  const outer = parseCidr(cidr);
  if (!outer) return [fieldInvalid(`${field}.cidr`, cidr, notACidr)];
  return each(`${field}.except`, except, (text, here) => {
    const inner = parseCidr(text);
    if (!inner) return [fieldInvalid(here, text, notACidr)];
    return isStrictSubset(inner, outer) ? [] : [fieldInvalid(here, text, 'must be a strict subset of `cidr`')];
  });
}
