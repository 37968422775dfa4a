/**
 * Between what the store keeps of a custom resource and what one of its versions shows. Read: converted, without what that version's schema
 * does not know, with its defaults. Written: converted to the version that is stored. Built-in kinds pass through.
 */
import type { CustomKind } from '../../api/custom-resources/custom-kind.ts';
import type { ResourceDefinition } from '../../api/definition.ts';
import { encodeForStorage } from '../../api/storage-codec.ts';
import { apiVersionOf, type KubernetesObject } from '../../api/types.ts';
import { decodeFresh, type ObjectRecord } from '../object-record.ts';

/** By version served; stored bytes to shown bytes. Both live as long as the store keeps the former. */
const shownForms = new WeakMap<CustomKind, WeakMap<Uint8Array, Uint8Array>>();

function formsOf(custom: CustomKind): WeakMap<Uint8Array, Uint8Array> {
  let forms = shownForms.get(custom);
  if (!forms) {
    forms = new WeakMap();
    shownForms.set(custom, forms);
  }
  return forms;
}

/** @throws ApiError where a conversion fails */
export async function readable(definition: ResourceDefinition, record: ObjectRecord): Promise<ObjectRecord> {
  if (!definition.custom) return record;
  const [shown] = await readableAll(definition, [record]);
  return shown!;
}

/** In one conversion. @throws ApiError */
export async function readableAll(
  definition: ResourceDefinition,
  records: readonly ObjectRecord[],
): Promise<readonly ObjectRecord[]> {
  const { custom } = definition;
  if (!custom) return records;
  const forms = formsOf(custom);
  const unknown = records.filter((record) => !forms.has(record.value));
  const objects = await convertTo(definition, unknown.map(decodeFresh));
  for (const [index, object] of objects.entries()) {
    custom.normalize(object);
    const shown = encodeForStorage(object);
    const stored = unknown[index]!.value;
    forms.set(stored, Buffer.compare(shown, stored) === 0 ? stored : shown);
  }
  return records.map((record) => ({ ...record, value: forms.get(record.value)! }));
}

async function convertTo(
  definition: ResourceDefinition,
  objects: readonly KubernetesObject[],
): Promise<readonly KubernetesObject[]> {
  const apiVersion = apiVersionOf(definition);
  const others = objects.filter((object) => object.apiVersion !== apiVersion);
  if (others.length === 0) return objects;
  const { convert } = definition.custom!;
  if (!convert) {
    for (const object of others) object.apiVersion = apiVersion;
    return objects;
  }
  const converted = await convert(others, apiVersion);
  const byOriginal = new Map(others.map((object, index) => [object, converted[index]!]));
  return objects.map((object) => byOriginal.get(object) ?? object);
}

/** The bytes to store for an object of the version that `definition` serves. @throws ApiError where a conversion fails */
export async function storedBytes(definition: ResourceDefinition, object: KubernetesObject): Promise<Uint8Array> {
  const { custom } = definition;
  if (!custom || object.apiVersion === custom.storageVersion) return encodeForStorage(object);
  if (!custom.convert) return encodeForStorage({ ...object, apiVersion: custom.storageVersion });
  const [converted] = await custom.convert([object], custom.storageVersion);
  return encodeForStorage(converted!);
}
