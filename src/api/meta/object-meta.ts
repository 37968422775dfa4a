/** Validation of `metadata`, the same for every kind. */
import type { FieldError, ResourceDefinition } from '../definition.ts';
import type { KubernetesObject, ObjectMeta } from '../types.ts';
import { fieldForbidden, fieldInvalid, fieldRequired, fieldTooLong } from './field-error.ts';
import { dns1123Label, dns1123Subdomain, validLabelValue, validQualifiedName } from './names.ts';

/** Keys and values of all annotations together. */
export const maxAnnotationsBytes = 256 * 1024;

const immutableMessage = 'field is immutable';

/** For create, after a name was generated where one was asked for. */
export function validateObjectMeta(definition: ResourceDefinition, object: KubernetesObject): FieldError[] {
  const metadata: ObjectMeta = object.metadata ?? {};
  const errors: FieldError[] = [];
  const nameRule = definition.strategy.validateName ?? dns1123Subdomain;
  if (metadata.generateName) {
    const problem = nameRule(maskTrailingDash(metadata.generateName));
    if (problem) errors.push(fieldInvalid('metadata.generateName', metadata.generateName, problem));
  }
  if (!metadata.name) {
    errors.push(fieldRequired('metadata.name', 'name or generateName is required'));
  } else {
    const problem = nameRule(metadata.name);
    if (problem) errors.push(fieldInvalid('metadata.name', metadata.name, problem));
  }
  if (definition.namespaced) {
    if (!metadata.namespace) errors.push(fieldRequired('metadata.namespace'));
    else {
      const problem = dns1123Label(metadata.namespace);
      if (problem) errors.push(fieldInvalid('metadata.namespace', metadata.namespace, problem));
    }
  } else if (metadata.namespace) {
    errors.push(fieldForbidden('metadata.namespace', 'not allowed on this type'));
  }
  return [...errors, ...validateMutableMeta(metadata)];
}

/** For update and patch. */
export function validateObjectMetaUpdate(object: KubernetesObject, old: KubernetesObject): FieldError[] {
  const metadata: ObjectMeta = object.metadata ?? {};
  const oldMetadata: ObjectMeta = old.metadata ?? {};
  const errors = validateMutableMeta(metadata);
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp'] as const) {
    if ((metadata[field] ?? '') !== (oldMetadata[field] ?? '')) {
      errors.push(fieldInvalid(`metadata.${field}`, metadata[field] ?? '', immutableMessage));
    }
  }
  if (oldMetadata.deletionTimestamp) {
    const before = oldMetadata.finalizers ?? [];
    const added = (metadata.finalizers ?? []).filter((finalizer) => !before.includes(finalizer));
    if (added.length > 0) {
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
      errors.push(fieldForbidden('metadata.finalizers', detail));
    }
  }
  return errors;
}

/** Labels as they appear anywhere (`metadata.labels`, `spec.selector.matchLabels`). */
export function validateLabels(labels: Readonly<Record<string, string>> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    const keyProblem = validQualifiedName(key);
    if (keyProblem) errors.push(fieldInvalid(field, key, keyProblem));
    const valueProblem = validLabelValue(value);
    if (valueProblem) errors.push(fieldInvalid(field, value, valueProblem));
  }
  return errors;
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    const problem = validQualifiedName(key.toLowerCase());
    if (problem) errors.push(fieldInvalid(field, key, problem));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > maxAnnotationsBytes) errors.push(fieldTooLong(field, maxAnnotationsBytes));
  return errors;
}

function validateMutableMeta(metadata: ObjectMeta): FieldError[] {
  const errors = [
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations, 'metadata.annotations'),
  ];
  if ((metadata.generation ?? 0) < 0) {
    errors.push(fieldInvalid('metadata.generation', metadata.generation, 'must be greater than or equal to 0'));
  }
  (metadata.finalizers ?? []).forEach((finalizer, index) => {
    const problem = validQualifiedName(finalizer);
    if (problem) errors.push(fieldInvalid('metadata.finalizers', finalizer, problem));
    else if (!finalizer.includes('/') && !standardFinalizers.has(finalizer)) {
      const detail = 'name is neither a standard finalizer name nor is it fully qualified';
      errors.push(fieldInvalid(`metadata.finalizers[${index}]`, finalizer, detail));
    }
  });
  return [...errors, ...validateOwners(metadata)];
}

const standardFinalizers: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

function validateOwners(metadata: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  const controllers: string[] = [];
  (metadata.ownerReferences ?? []).forEach((owner, index) => {
    const field = `metadata.ownerReferences[${index}]`;
    const here = 'metadata.ownerReferences';
    if (!owner.apiVersion)
      errors.push(fieldInvalid(`${field}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    if (!owner.kind) errors.push(fieldInvalid(`${field}.kind`, owner.kind ?? '', 'must not be empty'));
    if (!owner.name) errors.push(fieldInvalid(`${field}.name`, owner.name ?? '', 'must not be empty'));
    if (!owner.uid) errors.push(fieldInvalid(`${field}.uid`, owner.uid ?? '', 'must not be empty'));
    if (!owner.controller) return;
    controllers.push(owner.name);
    if (controllers.length === 2) {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controllers.join(' and ')}`;
      errors.push(fieldInvalid(here, metadata.ownerReferences, detail));
    }
  });
  return errors;
}

/** A generated name replaces the trailing dash by random characters: the rule is asked about what it may become. */
function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -1)}a` : name;
}
