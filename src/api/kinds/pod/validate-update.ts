/** What may change in a pod that exists: very little. */
import type { FieldError } from '../../definition.ts';
import type { Container, Pod, PodSpec, Toleration } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid } from '../../meta/field-error.ts';
import { sameJson } from '../strategy.ts';

const immutableSpec =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  if (!pod.spec || !old.spec) return [];
  const errors: FieldError[] = [];
  for (const list of ['containers', 'initContainers'] as const) {
    if ((pod.spec[list]?.length ?? 0) !== (old.spec[list]?.length ?? 0)) {
      return [fieldForbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
    }
  }
  const deadline = pod.spec.activeDeadlineSeconds;
  const oldDeadline = old.spec.activeDeadlineSeconds;
  if (oldDeadline !== undefined && (deadline === undefined || deadline > oldDeadline)) {
    const detail =
      deadline === undefined
        ? 'must not update from a positive integer to nil value'
        : `must be less than or equal to previous value`;
    errors.push(fieldInvalid('spec.activeDeadlineSeconds', deadline, detail));
  }
  const before = old.spec.tolerations ?? [];
  if (!before.every((toleration) => kept(toleration, pod.spec?.tolerations ?? []))) {
    errors.push(
      fieldForbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    );
  }
  const gates = new Set((old.spec.schedulingGates ?? []).map((gate) => gate.name));
  if ((pod.spec.schedulingGates ?? []).some((gate) => !gates.has(gate.name))) {
    errors.push(fieldForbidden('spec.schedulingGates', 'only deletion is allowed, but found new scheduling gate'));
  }
  const gated = gates.size > 0;
  if (!sameJson(fixedPart(pod.spec, old.spec, gated), fixedPart(old.spec, old.spec, gated))) {
    errors.push(fieldForbidden('spec', immutableSpec));
  }
  return errors;
}

/** The spec without what may change. */
function fixedPart(spec: PodSpec, old: PodSpec, gated: boolean): object {
  const { activeDeadlineSeconds: _a, tolerations: _b, schedulingGates: _c, ephemeralContainers: _d, ...rest } = spec;
  const fixed: Partial<PodSpec> = {
    ...rest,
    containers: spec.containers.map(withoutImage),
    initContainers: spec.initContainers?.map(withoutImage),
  };
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    fixed.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  }
  if (gated) {
    // The scheduler has not looked yet: constraints may still be added.
    delete fixed.nodeSelector;
    delete fixed.affinity;
  }
  return fixed;
}

function withoutImage(container: Container): Container {
  const { image: _, ...rest } = container;
  return rest;
}

function kept(toleration: Toleration, list: readonly Toleration[]): boolean {
  const { tolerationSeconds: _, ...before } = toleration;
  return list.some(({ tolerationSeconds: _, ...after }) => sameJson(before, after));
}
