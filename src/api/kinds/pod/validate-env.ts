/** Environment variables of a container. */
import type { FieldError } from '../../definition.ts';
import type { Container, EnvFromSource, EnvVar, EnvVarSource } from '../../generated/types/core-v1.ts';
import { fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { validConfigMapKey, validEnvVarName, validQualifiedName } from '../../meta/names.ts';
import { each, matches, present, required, requiredName } from '../checks.ts';

const sources = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'];
const podFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
/** `metadata.labels['key']`, `metadata.annotations['key']`. */
const subscript = /^metadata\.(?:labels|annotations)\['(.*)'\]$/;

export function validateEnv(container: Pick<Container, 'env' | 'envFrom'>, field: string): FieldError[] {
  return [
    ...each(`${field}.env`, container.env, validateVariable),
    ...each(`${field}.envFrom`, container.envFrom, validateEnvFrom),
  ];
}

function validateVariable(variable: EnvVar, field: string): FieldError[] {
  const errors = requiredName(`${field}.name`, variable.name, validEnvVarName);
  const { valueFrom } = variable;
  if (!valueFrom) return errors;
  const here = `${field}.valueFrom`;
  if (variable.value) errors.push(fieldInvalid(here, '', 'may not be specified when `value` is not empty'));
  const given = present(valueFrom, sources);
  if (given.length === 0) {
    const detail =
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    errors.push(fieldInvalid(here, '', detail));
  } else if (given.length > 1) {
    errors.push(fieldInvalid(here, '', 'may not have more than one field specified at a time'));
  }
  return [...errors, ...validateSource(valueFrom, here)];
}

function validateSource(source: EnvVarSource, field: string): FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = source;
  return [
    ...(fieldRef ? validateFieldPath(fieldRef.fieldPath, `${field}.fieldRef.fieldPath`) : []),
    ...(resourceFieldRef ? required(`${field}.resourceFieldRef.resource`, resourceFieldRef.resource) : []),
    ...(configMapKeyRef ? validateKeyRef(configMapKeyRef, `${field}.configMapKeyRef`) : []),
    ...(secretKeyRef ? validateKeyRef(secretKeyRef, `${field}.secretKeyRef`) : []),
  ];
}

function validateKeyRef(reference: { name?: string | undefined; key: string }, field: string): FieldError[] {
  return [
    ...required(`${field}.name`, reference.name),
    ...requiredName(`${field}.key`, reference.key, validConfigMapKey),
  ];
}

function validateFieldPath(path: string | undefined, field: string): FieldError[] {
  if (!path) return [fieldRequired(field)];
  const match = subscript.exec(path);
  if (match) return matches(field, match[1]!.toLowerCase(), validQualifiedName);
  return podFields.includes(path) ? [] : [fieldNotSupported(field, path, podFields)];
}

function validateEnvFrom(source: EnvFromSource, field: string): FieldError[] {
  const errors = source.prefix ? matches(`${field}.prefix`, source.prefix, validEnvVarName) : [];
  const given = present(source, ['configMapRef', 'secretRef']);
  if (given.length === 0) errors.push(fieldInvalid(field, '', 'must specify one of: `configMapRef` or `secretRef`'));
  if (given.length > 1) errors.push(fieldInvalid(field, '', 'may not have more than one field specified at a time'));
  if (source.configMapRef) errors.push(...required(`${field}.configMapRef.name`, source.configMapRef.name));
  if (source.secretRef) errors.push(...required(`${field}.secretRef.name`, source.secretRef.name));
  return errors;
}
