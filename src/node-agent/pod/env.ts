/** A container's environment: envFrom, then env with `$(NAME)` references to what came before, then what tells of Services. Pure. */
import type { ConfigMap, Container, EnvVar, Secret, Service } from '../../api/generated/types/core-v1.ts';
import type { TokenLookup } from '../volumes/pod-tokens.ts';
import { envFileValue } from './env-file.ts';
import { type FieldContext, fieldValue, resourceValue } from './fields.ts';
import { serviceEnv } from './service-env.ts';

/** The ConfigMaps and Secrets of the pod's namespace. */
export interface PodObjects {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  /** Of all namespaces; undefined while they are not known yet. Absent: no pod is told of any. */
  services?: () => Iterable<Service> | undefined;
  /** What a `fileKeyRef` reads: a file of one of the pod's volumes. */
  envFile?: (volume: string, path: string) => string | undefined;
  /** For volumes only. */
  token?: TokenLookup;
}

/** Something that the pod needs is not there (yet): the reason is CreateContainerConfigError, and it is tried again. */
export class MissingObjectError extends Error {
  override readonly name = 'MissingObjectError';
}

/** Names that a shell could not use are allowed by Kubernetes; only `=` and control characters are not. */
const ENV_NAME = /^[ -<>-~]+$/;

/** @throws MissingObjectError for a ConfigMap, Secret or key that is not there and not optional, and while Services are not known. */
export function containerEnv(
  container: Container,
  context: FieldContext,
  objects: PodObjects,
): { name: string; value: string }[] {
  const env = new Map<string, string>();
  const services = knownServices(context, objects);
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of envFromData(source, objects)) {
      const name = `${source.prefix ?? ''}${key}`;
      if (ENV_NAME.test(name)) env.set(name, value);
    }
  }
  for (const entry of container.env ?? []) {
    const value = entryValue(entry, container, context, objects, {
      get: (name) => env.get(name) ?? services.get(name),
    });
    if (value !== undefined) env.set(entry.name, value);
  }
  for (const [name, value] of services) if (!env.has(name)) env.set(name, value);
  return [...env].map(([name, value]) => ({ name, value }));
}

function knownServices({ pod }: FieldContext, objects: PodObjects): Map<string, string> {
  if (!objects.services) return new Map();
  const services = objects.services();
  if (!services)
    throw new MissingObjectError('services have not yet been read at least once, cannot construct envvars');
  return serviceEnv(services, pod.metadata.namespace, pod.spec.enableServiceLinks !== false);
}

function envFromData(source: NonNullable<Container['envFrom']>[number], objects: PodObjects): [string, string][] {
  const { configMapRef, secretRef } = source;
  if (configMapRef) {
    const configMap = objects.configMap(configMapRef.name ?? '');
    if (configMap) return Object.entries(configMap.data ?? {});
    if (!configMapRef.optional) throw new MissingObjectError(`configmap "${configMapRef.name}" not found`);
  }
  if (secretRef) {
    const secret = objects.secret(secretRef.name ?? '');
    if (secret) return Object.entries(secret.data ?? {}).map(([key, value]) => [key, decode(value)]);
    if (!secretRef.optional) throw new MissingObjectError(`secret "${secretRef.name}" not found`);
  }
  return [];
}

/** The variables that a reference can name. */
type Known = Pick<ReadonlyMap<string, string>, 'get'>;

/** Undefined for an optional source that is not there: the variable is not set then. */
function entryValue(
  entry: EnvVar,
  container: Container,
  context: FieldContext,
  objects: PodObjects,
  env: Known,
): string | undefined {
  const from = entry.valueFrom;
  if (!from) return expandReferences(entry.value ?? '', env);
  if (from.fieldRef) return fieldValue(from.fieldRef.fieldPath, context);
  if (from.resourceFieldRef) return resourceValue(from.resourceFieldRef, container.name, context);
  if (from.configMapKeyRef) {
    const { name, key, optional } = from.configMapKeyRef;
    const value = objects.configMap(name ?? '')?.data?.[key];
    if (value === undefined && !optional) throw missing('configmap', name, key, objects.configMap(name ?? ''));
    return value;
  }
  if (from.secretKeyRef) {
    const { name, key, optional } = from.secretKeyRef;
    const value = objects.secret(name ?? '')?.data?.[key];
    if (value === undefined && !optional) throw missing('secret', name, key, objects.secret(name ?? ''));
    return value === undefined ? undefined : decode(value);
  }
  if (from.fileKeyRef) {
    const { volumeName, path, key, optional } = from.fileKeyRef;
    const text = objects.envFile?.(volumeName, path);
    if (text === undefined) throw new MissingObjectError(`couldn't open env file "${path}" of volume "${volumeName}"`);
    const value = envFileValue(text, key);
    if (value === undefined && !optional)
      throw new MissingObjectError(`environment variable key "${key}" not found in file "${path}"`);
    return value;
  }
  throw new Error(`env "${entry.name}" has a valueFrom of an unsupported kind`);
}

function missing(kind: string, name: string | undefined, key: string, object: object | undefined): MissingObjectError {
  return new MissingObjectError(object ? `couldn't find key ${key} in ${kind} ${name}` : `${kind} "${name}" not found`);
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

/** `$(NAME)` becomes the value of NAME when it is known and stays as it is when not; `$$` stands for one `$`. */
export function expandReferences(text: string, env: Known): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (match, name: string | undefined) => {
    if (match === '$$') return '$';
    return env.get(name ?? '') ?? match;
  });
}
