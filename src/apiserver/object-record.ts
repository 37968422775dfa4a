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

type Cached = ObjectRecord & { readonly object: KubernetesObject };

/**
 * Two generations: once the younger one has half of the budget it becomes the older one, and what was older and has not been asked for since is forgotten.
 * So a hit changes nothing, or moves its object to the younger one.
 */
let younger = new Map<Uint8Array, Cached>();
let older = new Map<Uint8Array, Cached>();
let youngerBytes = 0;

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
  const { value, revision } = record;
  let cached = younger.get(value);
  if (!cached) {
    cached = older.get(value) ?? { value, revision, object: decodeFresh(record) };
    keep(cached);
  }
  if (cached.revision === revision) return cached.object;
  return { ...cached.object, metadata: { ...cached.object.metadata, resourceVersion: String(revision) } };
}

function keep(cached: Cached): void {
  if (youngerBytes >= cacheBudgetBytes / 2) {
    older = younger;
    younger = new Map();
    youngerBytes = 0;
  }
  younger.set(cached.value, cached);
  youngerBytes += cached.value.length;
}
