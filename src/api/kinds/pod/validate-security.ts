/** Security contexts. */
import type { FieldError } from '../../definition.ts';
import type { PodSecurityContext, PodSpec, SeccompProfile, SecurityContext } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { each, inRange, oneOf, requiredName, unique } from '../checks.ts';

const maxId = 2_147_483_647;
const maxSysctlNameChars = 253;
/** Segments joined by dots or slashes; see sysctl.d(5). */
const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;

export function validateContainerSecurity(context: SecurityContext | undefined, field: string): FieldError[] {
  if (!context) return [];
  const errors = [
    ...inRange(`${field}.runAsUser`, context.runAsUser, 0, maxId),
    ...inRange(`${field}.runAsGroup`, context.runAsGroup, 0, maxId),
    ...validateSeccomp(context.seccompProfile, `${field}.seccompProfile`),
  ];
  if (context.allowPrivilegeEscalation === false && context.privileged) {
    errors.push(
      fieldInvalid(field, 'privileged', 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'),
    );
  }
  if (context.allowPrivilegeEscalation === false && context.capabilities?.add?.includes('SYS_ADMIN')) {
    const detail = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
    errors.push(fieldInvalid(field, 'SYS_ADMIN', detail));
  }
  return errors;
}

export function validatePodSecurity(
  context: PodSecurityContext | undefined,
  spec: PodSpec,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.push(
      fieldInvalid(`${field}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'),
    );
  }
  if (!context) return errors;
  return [
    ...errors,
    ...inRange(`${field}.securityContext.runAsUser`, context.runAsUser, 0, maxId),
    ...inRange(`${field}.securityContext.runAsGroup`, context.runAsGroup, 0, maxId),
    ...inRange(`${field}.securityContext.fsGroup`, context.fsGroup, 0, maxId),
    ...oneOf(`${field}.securityContext.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['OnRootMismatch', 'Always']),
    ...each(`${field}.securityContext.supplementalGroups`, context.supplementalGroups, (group, here) =>
      inRange(here, group, 0, maxId),
    ),
    ...each(`${field}.securityContext.sysctls`, context.sysctls, ({ name }, here) =>
      requiredName(`${here}.name`, name, validSysctlName),
    ),
    ...unique(
      context.sysctls,
      ({ name }) => name,
      (index) => `${field}.securityContext.sysctls[${index}].name`,
    ),
    ...validateSeccomp(context.seccompProfile, `${field}.securityContext.seccompProfile`),
  ];
}

function validateSeccomp(profile: SeccompProfile | undefined, field: string): FieldError[] {
  if (!profile) return [];
  if (!profile.type) return [fieldRequired(`${field}.type`, 'type is required when seccompProfile is set')];
  const errors = oneOf(`${field}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined']);
  if (profile.type === 'Localhost' && !profile.localhostProfile) {
    errors.push(fieldRequired(`${field}.localhostProfile`, 'must be set when seccomp type is Localhost'));
  }
  if (profile.type !== 'Localhost' && profile.localhostProfile) {
    errors.push(fieldForbidden(`${field}.localhostProfile`, 'can only be set when seccomp type is Localhost'));
  }
  return errors;
}

function validSysctlName(name: string): string | undefined {
  if (name.length <= maxSysctlNameChars && sysctlName.test(name)) return undefined;
  return `must have at most ${maxSysctlNameChars} characters and match regex ${sysctlName.source}`;
}
