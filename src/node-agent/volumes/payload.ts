/** The files of a configMap, secret, downwardAPI or projected volume: path → bytes and mode. Pure. */
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from '../../api/generated/types/core-v1.ts';
import { MissingObjectError, type PodObjects } from '../pod/env.ts';
import { type FieldContext, fieldValue, resourceValue } from '../pod/fields.ts';

export interface PayloadFile {
  readonly data: Uint8Array;
  readonly mode: number;
  /** Absent: root. */
  readonly owner?: number;
}

export type Payload = Map<string, PayloadFile>;

const DEFAULT_MODE = 0o644;
const MAX_PATH_BYTES = 4096;

/** Undefined for a volume of another kind. @throws MissingObjectError when an object or key is not there and not optional. */
export function volumePayload(volume: Volume, context: FieldContext, objects: PodObjects): Payload | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) return configMapFiles(configMap, configMap.defaultMode ?? DEFAULT_MODE, objects);
  if (secret) {
    const { secretName: name, items, optional } = secret;
    return secretFiles({ name, items, optional }, secret.defaultMode ?? DEFAULT_MODE, objects);
  }
  if (downwardAPI) return downwardFiles(downwardAPI.items, downwardAPI.defaultMode ?? DEFAULT_MODE, context);
  if (!projected) return undefined;
  const all: Payload = new Map();
  for (const source of projected.sources ?? []) {
    for (const [path, file] of projection(source, projected.defaultMode ?? DEFAULT_MODE, context, objects))
      all.set(path, file);
  }
  return all;
}

function projection(source: VolumeProjection, mode: number, context: FieldContext, objects: PodObjects): Payload {
  if (source.configMap) return configMapFiles(source.configMap, mode, objects);
  if (source.secret) return secretFiles(source.secret, mode, objects);
  if (source.downwardAPI) return downwardFiles(source.downwardAPI.items, mode, context);
  if (source.serviceAccountToken) return tokenFile(source.serviceAccountToken, mode, context, objects);
  return new Map();
}

/** Readable by its user only, where the pod says who that is (kubelet's rule). */
function tokenFile(
  source: ServiceAccountTokenProjection,
  mode: number,
  { pod }: FieldContext,
  objects: PodObjects,
): Payload {
  const token = objects.token?.(source);
  if (token === undefined) throw new MissingObjectError('there is no token for the service account yet');
  const owner = commonUser(pod);
  const isPrivate = owner !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
  return new Map([
    [
      checkPath(source.path),
      { data: Buffer.from(token), mode: isPrivate ? 0o600 : mode, ...(owner !== undefined && { owner }) },
    ],
  ]);
}

/** The user that all containers run as, when the pod says so and it is one. */
function commonUser({ spec }: FieldContext['pod']): number | undefined {
  const users = [...(spec.initContainers ?? []), ...spec.containers].map(
    ({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  );
  return new Set(users).size === 1 ? users[0] : undefined;
}

interface ObjectSource {
  readonly name?: string | undefined;
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
}

function configMapFiles(source: ObjectSource, mode: number, objects: PodObjects): Payload {
  const object = objects.configMap(source.name ?? '');
  return keyFiles('configmap', source, object && configMapData(object), mode);
}

function secretFiles(source: ObjectSource, mode: number, objects: PodObjects): Payload {
  const object = objects.secret(source.name ?? '');
  return keyFiles('secret', source, object && secretData(object), mode);
}

function configMapData(object: ConfigMap): Map<string, Uint8Array> {
  const data = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(object.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(object.binaryData ?? {})) data.set(key, Buffer.from(value, 'base64'));
  return data;
}

function secretData(object: Secret): Map<string, Uint8Array> {
  return new Map(Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
}

function keyFiles(
  kind: string,
  source: ObjectSource,
  data: Map<string, Uint8Array> | undefined,
  mode: number,
): Payload {
  const files: Payload = new Map();
  if (!data) {
    if (source.optional) return files;
    throw new MissingObjectError(`${kind} "${source.name}" not found`);
  }
  if (!source.items || source.items.length === 0) {
    for (const [key, value] of data) files.set(checkPath(key), { data: value, mode });
    return files;
  }
  for (const item of source.items) {
    const value = data.get(item.key);
    if (value) files.set(checkPath(item.path), { data: value, mode: item.mode ?? mode });
    else if (!source.optional)
      throw new MissingObjectError(`${kind} "${source.name}" references non-existent key: ${item.key}`);
  }
  return files;
}

function downwardFiles(
  items: readonly DownwardAPIVolumeFile[] | undefined,
  mode: number,
  context: FieldContext,
): Payload {
  const files: Payload = new Map();
  for (const item of items ?? []) {
    const text = item.fieldRef
      ? fieldValue(item.fieldRef.fieldPath, context)
      : resourceValue(item.resourceFieldRef ?? { resource: '' }, undefined, context);
    files.set(checkPath(item.path), { data: Buffer.from(text), mode: item.mode ?? mode });
  }
  return files;
}

/** Relative, within the volume, and not one of our own names (which begin with `..`). */
function checkPath(path: string): string {
  const parts = path.split('/');
  const bad = path === '' || path.startsWith('/') || parts.includes('..') || path.startsWith('..');
  if (bad || Buffer.byteLength(path) > MAX_PATH_BYTES) throw new Error(`"${path}" is not a path within a volume`);
  return path;
}
