/** The body of a DELETE: optional, and sent under the API version of whatever is deleted. */

import type { DeleteOptions } from '../generated/types/meta-v1.ts';
import { DecodeError, decodeBySchema } from '../schema/decode.ts';
import type { SchemaSet } from '../schema/schema.ts';
import { ApiError } from '../status.ts';
import { parseBody } from './body.ts';

const schema = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

/** An empty body gives empty options. @throws ApiError */
export function decodeDeleteOptions(
  schemas: SchemaSet,
  bytes: Uint8Array,
  contentType: string | undefined,
): DeleteOptions {
  if (bytes.byteLength === 0) return {};
  const { value } = parseBody(bytes, contentType, false);
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (kind !== undefined && kind !== 'DeleteOptions') {
    throw new ApiError('BadRequest', `${JSON.stringify(kind)} cannot be handled as a DeleteOptions`);
  }
  try {
    return decodeBySchema(schemas, schema, value).value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ApiError('BadRequest', error.message, undefined, { cause: error });
  }
}
