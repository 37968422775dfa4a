/** Ingresses. */
import { isIP } from 'node:net';
import type { FieldError } from '../../definition.ts';
import type { TypedLocalObjectReference } from '../../generated/types/core-v1.ts';
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressRule,
  IngressTLS,
} from '../../generated/types/networking-v1.ts';
import { fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { validIp } from '../../meta/ip.ts';
import {
  dns1035Label,
  dns1123Subdomain,
  validPathSegment,
  validPortName,
  wildcardSubdomain,
} from '../../meta/names.ts';
import { each, matches, portNumber, requiredName } from '../checks.ts';

export const classAnnotation = 'kubernetes.io/ingress.class';
const forbiddenSequences = ['//', '/./', '/../', '%2f', '%2F'];
const forbiddenEndings = ['/..', '/.'];
const notAnAddress = 'must be a DNS name, not an IP address';

export function validateIngress({ spec = {} }: Ingress): FieldError[] {
  const { rules, defaultBackend } = spec;
  const errors: FieldError[] = [];
  if ((rules?.length ?? 0) === 0 && !defaultBackend) {
    errors.push(fieldInvalid('spec', rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  }
  return [
    ...errors,
    ...(defaultBackend ? validateBackend(defaultBackend, 'spec.defaultBackend') : []),
    ...each('spec.rules', rules, validateRule),
    ...each('spec.tls', spec.tls, validateTls),
    ...matches('spec.ingressClassName', spec.ingressClassName, dns1123Subdomain),
  ];
}

export function validateNewIngress({ metadata, spec }: Ingress): FieldError[] {
  const annotated = metadata?.annotations?.[classAnnotation];
  const named = spec?.ingressClassName;
  if (annotated === undefined || named === undefined || annotated === named) return [];
  const detail = 'must match `ingressClassName` when both are specified';
  return [fieldInvalid(`annotations.${classAnnotation}`, annotated, detail)];
}

function validateHost(host: string, field: string): FieldError[] {
  return matches(field, host, host.includes('*') ? wildcardSubdomain : dns1123Subdomain);
}

function validateTls({ hosts, secretName }: IngressTLS, field: string): FieldError[] {
  return [
    ...each(`${field}.hosts`, hosts, validateHost),
    ...matches(`${field}.secretName`, secretName, dns1123Subdomain),
  ];
}

function validateRule({ host, http }: IngressRule, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (host) {
    if (isIP(host) > 0) errors.push(fieldInvalid(`${field}.host`, host, notAnAddress));
    errors.push(...validateHost(host, `${field}.host`));
  }
  if (!http) return errors;
  const paths = `${field}.http.paths`;
  if ((http.paths?.length ?? 0) === 0) errors.push(fieldRequired(paths));
  return [...errors, ...each(paths, http.paths, validatePath)];
}

function validatePath({ path = '', pathType, backend }: HTTPIngressPath, field: string): FieldError[] {
  if (!pathType) return [fieldRequired(`${field}.pathType`, 'pathType must be specified')];
  const here = `${field}.path`;
  const errors: FieldError[] = [];
  const isAbsolute = path.startsWith('/');
  if (pathType === 'Exact' || pathType === 'Prefix') {
    if (!isAbsolute) errors.push(fieldInvalid(here, path, 'must be an absolute path'));
    for (const sequence of forbiddenSequences) {
      if (path.includes(sequence)) errors.push(fieldInvalid(here, path, `must not contain '${sequence}'`));
    }
    for (const ending of forbiddenEndings) {
      if (path.endsWith(ending)) errors.push(fieldInvalid(here, path, `cannot end with '${ending}'`));
    }
  } else if (pathType === 'ImplementationSpecific') {
    if (path !== '' && !isAbsolute) errors.push(fieldInvalid(here, path, 'must be an absolute path'));
  } else {
    errors.push(fieldNotSupported(`${field}.pathType`, pathType, ['Exact', 'ImplementationSpecific', 'Prefix']));
  }
  return [...errors, ...validateBackend(backend ?? {}, `${field}.backend`)];
}

function validateBackend({ resource, service }: IngressBackend, field: string): FieldError[] {
  if (resource && service) return [fieldInvalid(field, '', 'cannot set both resource and service backends')];
  if (resource) return validateTypedReference(resource, `${field}.resource`);
  if (!service) return [fieldInvalid(field, '', 'resource or service backend is required')];
  const { name, number } = service.port ?? {};
  const errors = requiredName(`${field}.service.name`, service.name, dns1035Label);
  if (name && number) errors.push(fieldInvalid(field, '', 'cannot set both port name & port number'));
  else if (name) errors.push(...matches(`${field}.service.port.name`, name, validPortName));
  else if (number) errors.push(...portNumber(`${field}.service.port.number`, number));
  else errors.push(fieldRequired(field, 'port name or number is required'));
  return errors;
}

/** Also of the parameters of IngressClasses. */
export function validateTypedReference(
  { apiGroup, kind, name }: Partial<TypedLocalObjectReference>,
  field: string,
): FieldError[] {
  return [
    ...matches(`${field}.apiGroup`, apiGroup, dns1123Subdomain),
    ...requiredName(`${field}.kind`, kind, validPathSegment),
    ...requiredName(`${field}.name`, name, validPathSegment),
  ];
}

export function validateIngressStatus({ status }: Ingress): FieldError[] {
  return each('status.loadBalancer.ingress', status?.loadBalancer?.ingress, ({ ip, hostname }, field) => [
    ...matches(`${field}.ip`, ip, validIp),
    ...matches(`${field}.hostname`, hostname, dns1123Subdomain),
    ...(hostname && isIP(hostname) > 0 ? [fieldInvalid(`${field}.hostname`, hostname, notAnAddress)] : []),
  ]);
}
