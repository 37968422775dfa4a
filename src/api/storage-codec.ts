/**
 * API objects as the store keeps them: canonical JSON (`canonical-json.ts`) that begins
 *
 *     {"apiVersion":"…","kind":"…","metadata":{…
 *
 * without `metadata.resourceVersion`, which is the key's mod revision and so is not known before the write commits. It is
 * spliced in right after `"metadata":{` when bytes go out: get, list and watch copy bytes and parse nothing.
 */
import { assert } from '../lib/assert.ts';
import { canonicalJson } from './canonical-json.ts';
import type { KubernetesObject } from './types.ts';

/** A mod revision: whole, positive; a bigint where the store counts in bigints. */
export type Revision = number | bigint;

const leadingKeys = ['apiVersion', 'kind', 'metadata'];
const metadataStart = Buffer.from('"metadata":{');
const closingBrace = 0x7d;

/** Needs `apiVersion` and `kind`; `metadata.resourceVersion` is left out. Does not change `object`. */
export function encodeForStorage(object: KubernetesObject): Uint8Array {
  assert(object.apiVersion && object.kind, 'an object without apiVersion and kind cannot be stored');
  const { resourceVersion: _, ...metadata } = object.metadata ?? {};
  return Buffer.from(canonicalJson({ ...object, metadata }, leadingKeys));
}

/** The object, private to the caller, with `metadata.resourceVersion` set. */
export function decodeStored(bytes: Uint8Array, modRevision: Revision): KubernetesObject {
  const object = JSON.parse(asBuffer(bytes).toString('utf8')) as KubernetesObject;
  object.metadata ??= {};
  object.metadata.resourceVersion = String(modRevision);
  return object;
}

/** The stored bytes with the resource version in place. */
export function withResourceVersion(bytes: Uint8Array, modRevision: Revision): Buffer {
  const stored = asBuffer(bytes);
  // Quotes inside JSON strings are escaped, so the first occurrence is the member itself.
  const start = stored.indexOf(metadataStart);
  assert(start > 0, 'stored bytes are no API object', { head: stored.toString('utf8', 0, 80) });
  const at = start + metadataStart.length;
  const comma = stored[at] === closingBrace ? '' : ',';
  return Buffer.concat([
    stored.subarray(0, at),
    Buffer.from(`"resourceVersion":"${modRevision}"${comma}`),
    stored.subarray(at),
  ]);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
