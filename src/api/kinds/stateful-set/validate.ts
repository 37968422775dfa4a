/** StatefulSets. */
import type { FieldError } from '../../definition.ts';
import type { StatefulSet, StatefulSetSpec } from '../../generated/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { isZeroShare } from '../../meta/int-or-string.ts';
import { dns1123Label } from '../../meta/names.ts';
import { countOrPercent, each, matches, notMoreThanAll, notNegative, oneOf } from '../checks.ts';
import { validateClaimSpec } from '../persistent-volume-claim/validate.ts';
import { sameJson } from '../strategy.ts';
import { validateSelector, validateTemplate } from '../workload/validate-template.ts';

const retention = ['Retain', 'Delete'];

export function validateStatefulSet({ spec }: StatefulSet): FieldError[] {
  if (!spec) return [fieldRequired('spec.selector'), fieldRequired('spec.template')];
  const { podManagementPolicy, persistentVolumeClaimRetentionPolicy: keeps } = spec;
  const errors: FieldError[] = [];
  if (podManagementPolicy !== 'OrderedReady' && podManagementPolicy !== 'Parallel') {
    const detail = "must be 'OrderedReady' or 'Parallel'";
    errors.push(fieldInvalid('spec.podManagementPolicy', podManagementPolicy, detail));
  }
  return [
    ...errors,
    ...validateUpdateStrategy(spec),
    ...oneOf('spec.persistentVolumeClaimRetentionPolicy.whenDeleted', keeps?.whenDeleted, retention),
    ...oneOf('spec.persistentVolumeClaimRetentionPolicy.whenScaled', keeps?.whenScaled, retention),
    ...notNegative('spec.replicas', spec.replicas),
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...notNegative('spec.ordinals.start', spec.ordinals?.start),
    ...validateSelector(spec.selector, 'statefulset'),
    ...validateTemplate(templateWithClaims(spec), spec.selector, 'StatefulSet'),
  ];
}

/** What existing ones are forgiven, since they could not be changed. */
export function validateNewStatefulSet({ spec }: StatefulSet): FieldError[] {
  return [
    ...matches('spec.serviceName', spec?.serviceName, dns1123Label),
    ...each('spec.volumeClaimTemplates', spec?.volumeClaimTemplates, (claim, field) =>
      validateClaimSpec(claim.spec, `${field}.spec`),
    ),
  ];
}

/** The template as its pods will have it: a volume for each claim, and a name of their own. */
function templateWithClaims({ template, volumeClaimTemplates }: StatefulSetSpec): PodTemplateSpec | undefined {
  if (!template?.spec) return template;
  const claims = (volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? '');
  const added = claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  const own = (template.spec.volumes ?? []).filter(({ name }) => !claims.includes(name));
  const { hostname: _, subdomain: __, ...spec } = template.spec;
  return { ...template, spec: { ...spec, volumes: [...added, ...own] } };
}

function validateUpdateStrategy({ updateStrategy }: StatefulSetSpec): FieldError[] {
  const field = 'spec.updateStrategy';
  const { type, rollingUpdate } = updateStrategy ?? {};
  if (type === 'OnDelete') {
    if (!rollingUpdate) return [];
    return [fieldInvalid(`${field}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")];
  }
  if (type !== 'RollingUpdate') {
    return [fieldInvalid(field, updateStrategy, "must be 'RollingUpdate' or 'OnDelete'")];
  }
  if (!rollingUpdate) return [];
  const { partition, maxUnavailable } = rollingUpdate;
  const here = `${field}.rollingUpdate.maxUnavailable`;
  return [
    ...notNegative(`${field}.rollingUpdate.partition`, partition),
    ...countOrPercent(here, maxUnavailable),
    ...(maxUnavailable !== undefined && isZeroShare(maxUnavailable)
      ? [fieldInvalid(here, maxUnavailable, 'cannot be 0')]
      : []),
    ...notMoreThanAll(here, maxUnavailable),
  ];
}

const mutable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

export function validateStatefulSetUpdate(set: StatefulSet, old: StatefulSet): FieldError[] {
  const fixed = (spec: StatefulSetSpec | undefined) => {
    const rest: Record<string, unknown> = { ...spec };
    for (const field of mutable) delete rest[field];
    return rest;
  };
  if (sameJson(fixed(set.spec), fixed(old.spec))) return [];
  const names = mutable.map((name) => `'${name}'`);
  const list = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  return [fieldForbidden('spec', `updates to statefulset spec for fields other than ${list} are forbidden`)];
}
