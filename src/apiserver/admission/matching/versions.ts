/** The objects of a request in the version that a webhook or policy asks for. Conversions of custom resources may have to ask somebody. */
import type { ResourceDefinition } from '../../../api/definition.ts';
import { apiVersionOf, type KubernetesObject } from '../../../api/types.ts';
import type { AdmissionRequest } from '../types.ts';
import { servedForm } from '../webhooks/review.ts';

export interface View {
  readonly object: KubernetesObject | undefined;
  readonly oldObject: KubernetesObject | undefined;
}

/** @throws ApiError where a conversion fails */
export async function viewAs(request: AdmissionRequest, as: ResourceDefinition): Promise<View> {
  const { object, oldObject } = request;
  return { object: await shown(request, object, as), oldObject: await shown(request, oldObject, as) };
}

/** Whether {@link viewAs} may ask somebody, so that it is worth knowing before it is needed. */
export function needsConversion({ definition, kind }: AdmissionRequest, as: ResourceDefinition): boolean {
  return as !== definition && as.custom?.convert !== undefined && kind === undefined;
}

async function shown(
  request: AdmissionRequest,
  object: KubernetesObject | undefined,
  as: ResourceDefinition,
): Promise<KubernetesObject | undefined> {
  if (!object || !needsConversion(request, as)) return servedForm(request, object, as);
  return converted(object, as);
}

/** A custom resource in the version of `to`. The result may be `object`. @throws ApiError where the conversion fails */
export async function converted(object: KubernetesObject, to: ResourceDefinition): Promise<KubernetesObject> {
  const apiVersion = apiVersionOf(to);
  if (!to.custom || object.apiVersion === apiVersion) return object;
  if (!to.custom.convert) return { ...object, apiVersion };
  const [result] = await to.custom.convert([structuredClone(object)], apiVersion);
  return result!;
}
