/**
 * What the loops of a leader keep of objects that may be large and many. Of ConfigMaps and Secrets they need who they are and whom they
 * belong to, but the content of few only (the root CA, tokens): a cluster with a gigabyte of them must not cost its leader a second one.
 */
import type { ConfigMap, Secret } from '../../api/generated/types/core-v1.ts';
import type { TypedObject } from '../../api/types.ts';
import { rootCaName } from '../service-account/plan.ts';
import { tokenSecretType } from '../token-secrets/plan.ts';

/** For `InformerSet`. */
export const keptParts: Readonly<Record<string, (object: TypedObject) => TypedObject>> = {
  '/v1/configmaps': withoutData,
  '/v1/secrets': withoutData,
};

function withoutData(object: ConfigMap | Secret): TypedObject {
  if (object.metadata?.name === rootCaName) return object;
  if ('type' in object && object.type === tokenSecretType) return object;
  const { data: _data, ...rest } = object;
  if ('binaryData' in rest) delete rest.binaryData;
  return rest;
}
