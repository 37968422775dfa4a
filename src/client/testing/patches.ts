/** JSON, merge and a simple strategic merge patch for the fake client. Each returns a new object. */
import { applyPatch, type Operation } from 'rfc6902';
import { ApiError } from '../../api/status.ts';
import type { PatchType } from '../types.ts';

type Json = unknown;
const isObject = (value: Json): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The merge keys that our controllers' objects need; lists under other names are replaced. */
const mergeKeys: Record<string, string> = {
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  conditions: 'type',
  ownerReferences: 'uid',
  addresses: 'type',
};

function merge(target: Json, patch: Json, strategic: boolean): Json {
  if (!isObject(patch)) return patch;
  const result: Record<string, Json> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (strategic && key.startsWith('$')) continue;
    if (value === null) delete result[key];
    else if (strategic && Array.isArray(value) && mergeKeys[key])
      result[key] = mergeList(result[key], value, mergeKeys[key]);
    else if (strategic && key === 'finalizers' && Array.isArray(value))
      result[key] = [...new Set([...((result[key] as Json[]) ?? []), ...value])];
    else result[key] = merge(result[key], value, strategic);
  }
  return result;
}

function mergeList(target: Json, patch: Json[], mergeKey: string): Json[] {
  let result = Array.isArray(target) ? [...target] : [];
  for (const item of patch as Record<string, Json>[]) {
    const index = result.findIndex((other) => isObject(other) && other[mergeKey] === item[mergeKey]);
    if (item.$patch === 'delete') result = result.filter((_, i) => i !== index);
    else if (index < 0) result.push(item);
    else result[index] = merge(result[index], item, true);
  }
  return result;
}

export function applyFakePatch<T>(target: T, type: PatchType, patch: unknown): T {
  const copy = structuredClone(target);
  if (type !== 'json') return structuredClone(merge(copy, patch, type === 'strategic')) as T;
  const failure = applyPatch(copy, patch as Operation[]).find((error) => error !== null);
  if (failure)
    throw new ApiError('Invalid', `the server rejected our request due to an error in our request: ${failure.message}`);
  return copy;
}
