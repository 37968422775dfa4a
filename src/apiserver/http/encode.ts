/**
 * Objects, lists and watch events as bytes. Plain JSON is spliced together from stored bytes; only tables, metadata-only forms and YAML
 * need the objects. What an event looks like in plain JSON is made once and shared by all watchers.
 */
import { stringify } from 'yaml';
import {
  encodeAs,
  encodeListEnvelope,
  encodeMessage,
  listItemHead,
  watchFrameHead,
} from '../../api/codec/protobuf/encode.ts';
import { hasProtobufForm } from '../../api/codec/protobuf/messages.ts';
import type { ResourceDefinition } from '../../api/definition.ts';
import {
  type IncludeObject,
  toPartialObjectMetadata,
  toPartialObjectMetadataList,
  toTable,
} from '../../api/table/table.ts';
import { apiVersionOf, type KubernetesObject } from '../../api/types.ts';
import { decodeShared, encodeRecord, type ObjectRecord } from '../object-record.ts';
import type { ListedObjects } from '../verbs/list.ts';
import type { WatchRecord } from '../verbs/watch.ts';
import type { Representation } from './negotiate.ts';

export interface EncodeOptions {
  readonly representation: Representation;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
}

/** Bytes that are gathered before they go to the socket. */
const chunkBytes = 64 * 1024;

const metaV1 = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const partialObjectMetadata = `${metaV1}.PartialObjectMetadata`;

/** Custom resources have none. */
export function servesProtobuf(definition: ResourceDefinition): boolean {
  return hasProtobufForm(definition.schema);
}

/** The message behind what is shown of an object: itself, or only its metadata. */
function messageOf(definition: ResourceDefinition, { as }: Representation): string {
  return as === 'PartialObjectMetadata' ? partialObjectMetadata : definition.schema;
}

/** Head, items, tail; the length of all items stands in the head, so that they are encoded before anything goes out. */
function* encodeProtobufList(
  listed: ListedObjects,
  metadata: object,
  representation: Representation,
): Generator<Buffer> {
  const { definition, items } = listed;
  const asMetadata = representation.as === 'PartialObjectMetadata';
  const message = messageOf(definition, representation);
  const parts: Buffer[] = [];
  let bytes = 0;
  for (const record of items) {
    const item = encodeMessage(message, decodeShared(record));
    const head = listItemHead(item.length);
    parts.push(head, item);
    bytes += head.length + item.length;
  }
  const { head, tail } = encodeListEnvelope(
    asMetadata
      ? { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${representation.metaVersion}`, metadata }
      : { kind: definition.listKind, apiVersion: apiVersionOf(definition), metadata },
    bytes,
  );
  yield head;
  yield* gathered(parts);
  yield tail;
}

/** Joined into chunks for the socket. */
function* gathered(parts: readonly Buffer[]): Generator<Buffer> {
  let start = 0;
  let bytes = 0;
  for (let index = 0; index < parts.length; index++) {
    bytes += parts[index]!.length;
    if (bytes < chunkBytes && index < parts.length - 1) continue;
    yield Buffer.concat(parts.slice(start, index + 1));
    start = index + 1;
    bytes = 0;
  }
}

function encodeValue(value: object, representation: Representation): Buffer {
  return Buffer.from(representation.encoding === 'yaml' ? stringify(value) : JSON.stringify(value));
}

export function encodeObject(definition: ResourceDefinition, record: ObjectRecord, options: EncodeOptions): Buffer {
  const { representation, includeObject, nowMs } = options;
  const { as, metaVersion } = representation;
  if (as === 'object' && representation.encoding === 'json') return asBuffer(encodeRecord(record));
  const object = decodeShared(record);
  if (representation.encoding === 'protobuf') {
    const shown = as === 'PartialObjectMetadata' ? toPartialObjectMetadata(object, metaVersion) : object;
    return encodeAs(messageOf(definition, representation), shown);
  }
  if (as === 'object') return encodeValue(object, representation);
  if (as === 'PartialObjectMetadata') return encodeValue(toPartialObjectMetadata(object, metaVersion), representation);
  const metadata = { resourceVersion: object.metadata?.resourceVersion };
  const tableOptions = { version: metaVersion, includeObject, nowMs, metadata };
  return encodeValue(toTable(definition, [object], tableOptions), representation);
}

export function* encodeList(listed: ListedObjects, options: EncodeOptions): Generator<Buffer> {
  const { definition, items, revision, remainingItemCount } = listed;
  const { representation, includeObject, nowMs } = options;
  const { as, metaVersion, encoding } = representation;
  const metadata = {
    resourceVersion: String(revision),
    ...(listed.continue && { continue: listed.continue }),
    ...(remainingItemCount !== undefined && { remainingItemCount }),
  };
  if (encoding === 'protobuf') {
    yield* encodeProtobufList(listed, metadata, representation);
    return;
  }
  if (as === 'Table') {
    const tableOptions = { version: metaVersion, includeObject, nowMs, metadata };
    yield encodeValue(toTable(definition, items.map(decodeShared), tableOptions), representation);
    return;
  }
  if (as === 'PartialObjectMetadata') {
    yield encodeValue(toPartialObjectMetadataList(items.map(decodeShared), metadata, metaVersion), representation);
    return;
  }
  const kind = definition.listKind;
  const apiVersion = apiVersionOf(definition);
  if (encoding === 'yaml') {
    yield encodeValue({ kind, apiVersion, metadata, items: items.map(decodeShared) }, representation);
    return;
  }
  const head = JSON.stringify({ kind, apiVersion, metadata }).slice(0, -1);
  let parts: Uint8Array[] = [Buffer.from(`${head},"items":[`)];
  let bytes = 0;
  for (const [index, record] of items.entries()) {
    if (index > 0) parts.push(comma);
    const item = encodeObject(definition, record, options);
    parts.push(item);
    bytes += item.length;
    if (bytes < chunkBytes) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
  parts.push(listEnd);
  yield Buffer.concat(parts);
}

const comma = Buffer.from(',');
const listEnd = Buffer.from(']}\n');
const eventEnd = Buffer.from('}\n');
const eventHeads = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
  ERROR: Buffer.from('{"type":"ERROR","object":'),
};

/** Encodes the events of one watch. */
export class EventEncoder {
  readonly #definition: ResourceDefinition;
  readonly #representation: Representation;
  readonly #includeObject: IncludeObject;
  #columnsSent = false;

  constructor(definition: ResourceDefinition, representation: Representation, includeObject: IncludeObject) {
    this.#definition = definition;
    this.#representation = representation;
    this.#includeObject = includeObject;
  }

  /** A batch: one event per line, or frames. */
  encode(batch: readonly WatchRecord[], nowMs: number): Buffer {
    const parts: Uint8Array[] = [];
    const protobuf = this.#representation.encoding === 'protobuf';
    for (const event of batch) {
      if (protobuf) {
        const object = this.#protobuf(event);
        parts.push(watchFrameHead(event.type, object.length), object);
      } else parts.push(eventHeads[event.type], this.#object(event, nowMs), eventEnd);
    }
    return Buffer.concat(parts);
  }

  #protobuf(event: WatchRecord): Uint8Array {
    const message = messageOf(this.#definition, this.#representation);
    if (event.type === 'ERROR') return encodeAs(`${metaV1}.Status`, event.error.toStatus() as KubernetesObject);
    if (event.type === 'BOOKMARK')
      return encodeAs(message, this.#bookmark(event.revision, event.initialEventsEnd) as KubernetesObject);
    if (this.#representation.as === 'object') return sharedProtobuf(message, event.record);
    return encodeAs(message, toPartialObjectMetadata(decodeShared(event.record), this.#representation.metaVersion));
  }

  #object(event: WatchRecord, nowMs: number): Uint8Array {
    if (event.type === 'ERROR') return Buffer.from(JSON.stringify(event.error.toStatus()));
    if (event.type === 'BOOKMARK')
      return Buffer.from(JSON.stringify(this.#bookmark(event.revision, event.initialEventsEnd)));
    const { as, metaVersion } = this.#representation;
    if (as === 'object') return sharedJson(event.record);
    const object = decodeShared(event.record);
    if (as === 'PartialObjectMetadata')
      return Buffer.from(JSON.stringify(toPartialObjectMetadata(object, metaVersion)));
    const metadata = { resourceVersion: object.metadata?.resourceVersion };
    const includeObject = this.#includeObject;
    const options = { version: metaVersion, includeObject, nowMs, metadata, withHeaders: !this.#columnsSent };
    this.#columnsSent = true;
    return Buffer.from(JSON.stringify(toTable(this.#definition, [object], options)));
  }

  #bookmark(revision: number, initialEventsEnd: boolean): object {
    const metadata = {
      resourceVersion: String(revision),
      creationTimestamp: null,
      ...(initialEventsEnd && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
    };
    const { as, metaVersion } = this.#representation;
    if (as === 'object') return { kind: this.#definition.kind, apiVersion: apiVersionOf(this.#definition), metadata };
    const meta = `meta.k8s.io/${metaVersion}`;
    if (as === 'PartialObjectMetadata') return { kind: as, apiVersion: meta, metadata };
    return { kind: 'Table', apiVersion: meta, metadata, columnDefinitions: [], rows: [] };
  }
}

/** What recent events look like in one encoding, oldest first: made once, whoever watches. */
class RecentEvents {
  readonly #known = new Map<Uint8Array, { readonly revision: number; readonly bytes: Uint8Array }>();
  #bytes = 0;

  get(record: ObjectRecord, encode: () => Uint8Array): Uint8Array {
    const known = this.#known.get(record.value);
    if (known?.revision === record.revision) return known.bytes;
    const bytes = encode();
    if (known) this.#bytes -= known.bytes.length;
    this.#known.delete(record.value);
    this.#known.set(record.value, { revision: record.revision, bytes });
    this.#bytes += bytes.length;
    for (const [oldest, { bytes: old }] of this.#known) {
      if (this.#bytes <= recentBudgetBytes) break;
      this.#known.delete(oldest);
      this.#bytes -= old.length;
    }
    return bytes;
  }
}

const recentBudgetBytes = 16 * 1024 * 1024;
const recentJson = new RecentEvents();
const recentProtobuf = new RecentEvents();

function sharedJson(record: ObjectRecord): Uint8Array {
  return recentJson.get(record, () => encodeRecord(record));
}

function sharedProtobuf(message: string, record: ObjectRecord): Uint8Array {
  return recentProtobuf.get(record, () => encodeAs(message, decodeShared(record)));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
