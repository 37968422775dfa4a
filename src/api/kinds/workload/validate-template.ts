/** Pod templates of controllers: selector and template must belong together. */
import type { FieldError } from '../../definition.ts';
import type { PodTemplateSpec } from '../../generated/types/core-v1.ts';
import type { LabelSelector } from '../../generated/types/meta-v1.ts';
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { selectorMatches, validateLabelSelector } from '../../meta/label-selector.ts';
import { validateAnnotations, validateLabels } from '../../meta/object-meta.ts';
import { validatePodSpec } from '../pod/validate.ts';

/** `kind` in lower case, as the message about an empty selector names it. */
export function validateSelector(selector: LabelSelector | undefined, kind: string): FieldError[] {
  if (!selector) return [fieldRequired('spec.selector')];
  const terms = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0);
  if (terms === 0) return [fieldInvalid('spec.selector', selector, `empty selector is invalid for ${kind}`)];
  return validateLabelSelector(selector, 'spec.selector');
}

/** A template whose pods run for ever. `kind` as the message about deadlines names it. */
export function validateTemplate(
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  kind = 'ReplicaSet',
): FieldError[] {
  const field = 'spec.template';
  if (!template && kind === 'ReplicationController') return [fieldRequired(field)];
  const given = template ?? {};
  const errors = [...validateTemplateLabels(given, selector, field), ...validatePodTemplateSpec(given, field)];
  const { spec } = given;
  if (!spec) return errors;
  if (spec.restartPolicy !== 'Always') {
    errors.push(fieldNotSupported(`${field}.spec.restartPolicy`, spec.restartPolicy, ['Always']));
  }
  if (spec.activeDeadlineSeconds !== undefined) {
    const detail = `activeDeadlineSeconds in ${kind} is not Supported`;
    errors.push(fieldForbidden(`${field}.spec.activeDeadlineSeconds`, detail));
  }
  return errors;
}

export function validateTemplateLabels(
  template: PodTemplateSpec,
  selector: LabelSelector | undefined,
  field: string,
): FieldError[] {
  const labels = template.metadata?.labels ?? {};
  // No selector selects nothing. (A ReplicationController without one takes its template's labels.)
  if (selector && selectorMatches(selector, labels)) return [];
  return [fieldInvalid(`${field}.metadata.labels`, labels, '`selector` does not match template `labels`')];
}

/** What holds for a template of any kind. */
export function validatePodTemplateSpec(template: PodTemplateSpec, field: string): FieldError[] {
  const errors = [
    ...validateLabels(template.metadata?.labels, `${field}.labels`),
    ...validateAnnotations(template.metadata?.annotations, `${field}.annotations`),
  ];
  const { spec } = template;
  if (!spec) return [...errors, fieldRequired(`${field}.spec.containers`)];
  errors.push(...validatePodSpec(spec, `${field}.spec`));
  if ((spec.ephemeralContainers?.length ?? 0) > 0) {
    errors.push(
      fieldForbidden(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'),
    );
  }
  return errors;
}
