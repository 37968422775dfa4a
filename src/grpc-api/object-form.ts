/** Objects on the wire of `trimast.resource.v1`: as JSON bytes, or as a structure. */
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { ApiError } from '../api/status.ts';
import type { KubernetesObject, TypedObject } from '../api/types.ts';
import { ObjectForm, type ResourceObject, type ResourceObjectSchema } from '../gen/trimast/resource/v1/resource_pb.ts';

export function encodeObject(object: TypedObject, form: ObjectForm): MessageInitShape<typeof ResourceObjectSchema> {
  return form === ObjectForm.STRUCT
    ? { content: { case: 'struct', value: object as JsonObject } }
    : { content: { case: 'json', value: Buffer.from(JSON.stringify(object)) } };
}

/** @throws ApiError `BadRequest` when there is none, or it is no JSON object. */
export function decodeObject(message: ResourceObject | undefined): KubernetesObject {
  switch (message?.content.case) {
    case 'struct':
      return message.content.value as KubernetesObject;
    case 'json': {
      const value = parseJson(message.content.value, 'object');
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new ApiError('BadRequest', 'object: the JSON is not an object');
      }
      return value as KubernetesObject;
    }
    default:
      throw new ApiError('BadRequest', 'object: neither json nor struct is set');
  }
}

/** @throws ApiError `BadRequest`, naming the field. */
export function parseJson(bytes: Uint8Array, field: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ApiError('BadRequest', `${field}: not valid JSON: ${(error as Error).message}`, undefined, {
      cause: error,
    });
  }
}
