/** Pod specs, of pods and of templates. */
import { isIP } from 'node:net';
import type { FieldError } from '../../definition.ts';
import type { Pod, PodSpec } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { dns1123Label, dns1123Subdomain, validQualifiedName } from '../../meta/names.ts';
import { each, inRange, matches, notNegative, oneOf, required, requiredName } from '../checks.ts';
import { validateContainers } from './validate-containers.ts';
import { validateScheduling } from './validate-scheduling.ts';
import { validatePodSecurity } from './validate-security.ts';
import { validateVolumes } from './validate-volumes.ts';

const maxNameservers = 3;
const maxDeadlineSeconds = 2_147_483_647;

export function validatePod(pod: Pod): FieldError[] {
  if (!pod.spec) return [fieldRequired('spec')];
  return validatePodSpec(pod.spec, 'spec');
}

/** `field`: `spec`, or `spec.template.spec`. */
export function validatePodSpec(spec: PodSpec, field: string): FieldError[] {
  return [
    ...validateVolumes(spec.volumes, `${field}.volumes`),
    ...validateContainers(spec, field),
    ...oneOf(`${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...validateDns(spec, field),
    ...notNegative(`${field}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds),
    ...inRange(`${field}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, maxDeadlineSeconds),
    ...matches(`${field}.nodeName`, spec.nodeName, dns1123Subdomain),
    ...matches(`${field}.serviceAccountName`, spec.serviceAccountName, dns1123Subdomain),
    ...matches(`${field}.hostname`, spec.hostname, dns1123Label),
    ...matches(`${field}.subdomain`, spec.subdomain, dns1123Label),
    ...matches(`${field}.runtimeClassName`, spec.runtimeClassName, dns1123Subdomain),
    ...matches(`${field}.priorityClassName`, spec.priorityClassName, dns1123Subdomain),
    ...oneOf(`${field}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']),
    ...each(`${field}.readinessGates`, spec.readinessGates, (gate, here) =>
      requiredName(`${here}.conditionType`, gate.conditionType, validQualifiedName),
    ),
    ...each(`${field}.hostAliases`, spec.hostAliases, (alias, here) => validateAddress(`${here}.ip`, alias.ip)),
    ...validatePodSecurity(spec.securityContext, spec, field),
    ...validateScheduling(spec, field),
  ];
}

function validateDns(spec: PodSpec, field: string): FieldError[] {
  const policies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];
  const nameservers = spec.dnsConfig?.nameservers ?? [];
  const here = `${field}.dnsConfig.nameservers`;
  const errors = oneOf(`${field}.dnsPolicy`, spec.dnsPolicy, policies);
  if (spec.dnsPolicy === 'None' && !spec.dnsConfig) {
    errors.push(fieldRequired(`${field}.dnsConfig`, 'must provide `dnsConfig` when `dnsPolicy` is None'));
  } else if (spec.dnsPolicy === 'None' && nameservers.length === 0) {
    errors.push(fieldRequired(here, 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
  }
  if (nameservers.length > maxNameservers) {
    errors.push(fieldInvalid(here, nameservers, `must not have more than ${maxNameservers} nameservers`));
  }
  return [...errors, ...each(here, nameservers, (address, at) => validateAddress(at, address))];
}

function validateAddress(field: string, address: string | undefined): FieldError[] {
  if (address && isIP(address) > 0) return [];
  const problem = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
  return required(field, address).length > 0 ? required(field, address) : [fieldInvalid(field, address, problem)];
}

/** What only a pod being created may not have. */
export function validateNewPod(pod: Pod): FieldError[] {
  if ((pod.spec?.ephemeralContainers?.length ?? 0) === 0) return [];
  return [fieldForbidden('spec.ephemeralContainers', 'cannot be set on create')];
}
