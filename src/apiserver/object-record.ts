/** One object at one revision, as stored bytes; decoded only when somebody needs the object. */
import { decodeStored, withResourceVersion } from '../api/storage-codec.ts';
import type { KubernetesObject } from '../api/types.ts';
import type { KeyValue } from '../store/types.ts';

export interface ObjectRecord {
  /** Canonical JSON without metadata.resourceVersion. Never changed. */
  readonly value: Uint8Array;
  /** metadata.resourceVersion; 0 for what was not written (a dry run). Of a deleted object: the deletion's. */
  readonly revision: number;
  /** Of an update: there was nothing before. */
  readonly created?: boolean | undefined;
}

/** Of stored bytes whose objects are kept decoded: about five times as much memory. */
const cacheBudgetBytes = 32 * 1024 * 1024;

/** Least recently used first. */
const cache = new Map<Uint8Array, ObjectRecord & { readonly object: KubernetesObject }>();
let cachedBytes = 0;

export function recordOf(item: KeyValue): ObjectRecord {
  return { value: item.value, revision: item.modRevision };
}

/** The JSON that clients see. */
export function encodeRecord(record: ObjectRecord): Uint8Array {
  return record.revision === 0 ? record.value : withResourceVersion(record.value, record.revision);
}

/** A private copy. */
export function decodeFresh(record: ObjectRecord): KubernetesObject {
  const object = decodeStored(record.value, record.revision);
  if (record.revision === 0) delete object.metadata?.resourceVersion;
  return object;
}

/** Shared with every other reader: never change it. */
export function decodeShared(record: ObjectRecord): KubernetesObject {
  const cached = cache.get(record.value);
  if (cached) {
    cache.delete(record.value);
    cache.set(record.value, cached);
    if (cached.revision === record.revision) return cached.object;
    return { ...cached.object, metadata: { ...cached.object.metadata, resourceVersion: String(record.revision) } };
  }
  const object = decodeFresh(record);
  cache.set(record.value, { value: record.value, revision: record.revision, object });
  cachedBytes += record.value.length;
  for (const [oldest] of cache) {
    if (cachedBytes <= cacheBudgetBytes) break;
    cache.delete(oldest);
    cachedBytes -= oldest.length;
  }
  return object;
}
