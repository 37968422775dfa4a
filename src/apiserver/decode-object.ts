/** From the body of a write to an object of the kind that the path takes. */
import { type DecodedKind, decodeBody, decodeValue } from '../api/codec/body.ts';
import type { KubernetesObject } from '../api/types.ts';
import type { Body } from './body.ts';
import type { ApiCore } from './core.ts';
import type { RequestContext } from './types.ts';

/** @throws ApiError BadRequest, UnsupportedMediaType */
export function decodeObject(
  core: ApiCore,
  expected: DecodedKind,
  body: Body,
  context: Pick<RequestContext, 'warn'>,
): KubernetesObject {
  if ('object' in body) {
    return decodeValue(core.schemas, expected, { value: body.object, duplicates: [] }, { fieldValidation: 'Ignore' });
  }
  const { fieldValidation } = body;
  return decodeBody(core.schemas, expected, body.bytes, body.contentType, { fieldValidation, warn: context.warn });
}
