/** Services. */
import { isIP } from 'node:net';
import type { FieldError } from '../../definition.ts';
import type { Service, ServicePort, ServiceSpec } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { parseCidr } from '../../meta/ip.ts';
import { dns1035Label, dns1123Label, dns1123Subdomain, validQualifiedName } from '../../meta/names.ts';
import { validateLabels } from '../../meta/object-meta.ts';
import { each, matches, oneOf, portNumber, portNumberOrName, requiredName, unique } from '../checks.ts';
import { specialIp } from '../endpoints/strategy.ts';
import { headless } from './defaults.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const nodePortRange = { low: 30_000, high: 32_767 };

export const validateServiceName = dns1035Label;

export function validateService({ spec }: Service): FieldError[] {
  if (!spec) return [fieldRequired('spec.ports')];
  const isHeadless = spec.clusterIP === headless || spec.clusterIPs?.[0] === headless;
  const errors = [
    ...oneOf('spec.type', spec.type, types),
    ...oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']),
    ...oneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local']),
    ...oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']),
    ...oneOf('spec.ipFamilyPolicy', spec.ipFamilyPolicy, ['SingleStack', 'PreferDualStack', 'RequireDualStack']),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validatePorts(spec, isHeadless),
    ...validateClusterIp(spec),
    ...each('spec.externalIPs', spec.externalIPs, (address, field) => [
      ...ipAddress(field, address),
      ...specialIp(field, address),
    ]),
    ...validateTraffic(spec),
    ...validateLoadBalancer(spec),
  ];
  if (spec.type === 'ExternalName') {
    errors.push(...requiredName('spec.externalName', spec.externalName?.replace(/\.$/, ''), dns1123Subdomain));
  }
  return errors;
}

const maxAffinitySeconds = 86_400;
const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const notACidr = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function validateTraffic(spec: ServiceSpec): FieldError[] {
  const errors = [
    ...each('spec.ipFamilies', spec.ipFamilies, (family, field) => oneOf(field, family, ['IPv4', 'IPv6'])),
    ...oneOf('spec.trafficDistribution', spec.trafficDistribution, distributions),
  ];
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds !== undefined && (seconds <= 0 || seconds > maxAffinitySeconds)) {
    const detail = `must be greater than 0 and less than ${maxAffinitySeconds}`;
    errors.push(fieldInvalid('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, detail));
  }
  const outside =
    spec.type === 'NodePort' ||
    spec.type === 'LoadBalancer' ||
    (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);
  if (spec.externalTrafficPolicy && !outside) {
    const detail = 'may only be set for externally-accessible services';
    errors.push(fieldInvalid('spec.externalTrafficPolicy', spec.externalTrafficPolicy, detail));
  }
  const { healthCheckNodePort: health } = spec;
  if (health && !(spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local')) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(fieldInvalid('spec.healthCheckNodePort', health, detail));
  }
  return errors;
}

function validateLoadBalancer(spec: ServiceSpec): FieldError[] {
  const { loadBalancerSourceRanges: ranges = [], loadBalancerClass, allocateLoadBalancerNodePorts } = spec;
  const isBalancer = spec.type === 'LoadBalancer';
  const detail = "may only be used when `type` is 'LoadBalancer'";
  const errors: FieldError[] = [];
  // Upstream spells it with a capital letter.
  const field = 'spec.LoadBalancerSourceRanges';
  if (ranges.length > 0 && !isBalancer) errors.push(fieldForbidden(field, detail));
  if (isBalancer) {
    errors.push(
      ...each(field, ranges, (range, here) => (parseCidr(range.trim()) ? [] : [fieldInvalid(here, range, notACidr)])),
      ...matches('spec.loadBalancerClass', loadBalancerClass, validQualifiedName),
    );
  } else {
    if (loadBalancerClass !== undefined) errors.push(fieldForbidden('spec.loadBalancerClass', detail));
    if (allocateLoadBalancerNodePorts !== undefined) {
      errors.push(fieldForbidden('spec.allocateLoadBalancerNodePorts', detail));
    }
  }
  return errors;
}

function validatePorts(spec: ServiceSpec, isHeadless: boolean): FieldError[] {
  const ports = spec.ports ?? [];
  if (ports.length === 0) {
    return isHeadless || spec.type === 'ExternalName' ? [] : [fieldRequired('spec.ports')];
  }
  const nodePorts = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  return [
    ...each('spec.ports', ports, (port, field) => [
      ...validatePort(port, field, ports.length > 1),
      ...validateNodePort(port, field, nodePorts, spec.type),
    ]),
    ...unique(
      ports,
      (port) => port.name,
      (index) => `spec.ports[${index}].name`,
    ),
    ...unique(
      ports,
      (port) => `${port.protocol}/${port.port}`,
      (index) => `spec.ports[${index}]`,
    ),
  ];
}

function validatePort(port: ServicePort, field: string, needsName: boolean): FieldError[] {
  return [
    ...(needsName
      ? requiredName(`${field}.name`, port.name, dns1123Label)
      : matches(`${field}.name`, port.name, dns1123Label)),
    ...portNumber(`${field}.port`, port.port ?? 0),
    ...matches(`${field}.appProtocol`, port.appProtocol, validQualifiedName),
    ...oneOf(`${field}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']),
    ...portNumberOrName(`${field}.targetPort`, port.targetPort),
  ];
}

function validateNodePort(port: ServicePort, field: string, allowed: boolean, type: string | undefined): FieldError[] {
  const { nodePort } = port;
  if (!nodePort) return [];
  const here = `${field}.nodePort`;
  if (!allowed) return [fieldForbidden(here, `may not be used when \`type\` is '${type}'`)];
  const { low, high } = nodePortRange;
  if (nodePort >= low && nodePort <= high) return [];
  const detail = `provided port is not in the valid range. The range of valid ports is ${low}-${high}`;
  return [fieldInvalid(here, nodePort, detail)];
}

function validateClusterIp(spec: ServiceSpec): FieldError[] {
  const addresses = spec.clusterIPs ?? [];
  if (!spec.clusterIP && addresses.length > 0 && spec.type !== 'ExternalName') {
    return [
      fieldInvalid('spec.clusterIPs', addresses, 'must be empty when `clusterIP` is not specified'),
      ...sameFamilyTwice(addresses),
    ];
  }
  if (spec.type === 'ExternalName') {
    return addresses.length > 0 || spec.clusterIP
      ? [fieldForbidden('spec.clusterIPs', 'may not be set for ExternalName services')]
      : [];
  }
  if (spec.clusterIP !== undefined && addresses[0] !== undefined && addresses[0] !== spec.clusterIP) {
    return [fieldInvalid('spec.clusterIPs', addresses, 'first value must match `clusterIP`')];
  }
  if (spec.clusterIP === headless && spec.type !== 'ClusterIP') {
    return [fieldInvalid('spec.clusterIPs[0]', headless, `may not be set to 'None' for ${spec.type} services`)];
  }
  return [
    ...each('spec.clusterIPs', addresses, (address, field) => (address === headless ? [] : ipAddress(field, address))),
    ...(addresses.length > 2 ? [fieldInvalid('spec.clusterIPs', addresses, 'may only hold up to 2 values')] : []),
    ...sameFamilyTwice(addresses),
  ];
}

function sameFamilyTwice(addresses: readonly string[]): FieldError[] {
  const families = addresses.map((address) => isIP(address));
  if (addresses.length !== 2 || families[0] === 0 || families[0] !== families[1]) return [];
  return [fieldInvalid('spec.clusterIPs', addresses, 'may specify no more than one IP for each IP family')];
}

function ipAddress(field: string, address: string): FieldError[] {
  return isIP(address) > 0
    ? []
    : [fieldInvalid(field, address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
}

/** An address once given stays, unless the Service becomes an ExternalName. */
export function validateServiceUpdate({ spec }: Service, old: Service): FieldError[] {
  if (old.spec?.type === 'ExternalName' || spec?.type === 'ExternalName') return [];
  const [addresses, before] = [spec?.clusterIPs ?? [], old.spec?.clusterIPs ?? []];
  if (before.length === 0) return [];
  if (addresses[0] !== before[0] || spec?.clusterIP !== before[0])
    return [fieldInvalid('spec.clusterIPs[0]', addresses, 'may not change once set')];
  if (addresses[1] !== undefined && before[1] !== undefined && addresses[1] !== before[1])
    return [fieldInvalid('spec.clusterIPs[1]', addresses, 'may not change once set')];
  return [];
}

export function serviceWarnings({ spec }: Service): string[] {
  const warnings: string[] = [];
  if (spec?.externalName && spec.type !== 'ExternalName')
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if ((spec?.externalIPs?.length ?? 0) > 0 && spec?.type === 'ExternalName')
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (spec?.sessionAffinity === 'ClientIP' && spec.clusterIP === headless)
    warnings.push('spec.SessionAffinity is ignored for headless services');
  return warnings;
}
