/** Conversion between the versions of a custom resource by a webhook: ConversionReview of apiextensions.k8s.io, in v1 or v1beta1. */
import type { ConvertObjects } from '../../api/custom-resources/custom-kind.ts';
import type { CustomResourceDefinition, WebhookClientConfig } from '../../api/generated/types/apiextensions-v1.ts';
import { ApiError } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';

const timeoutMs = 30_000;
const group = 'apiextensions.k8s.io';
/** In the order of preference. */
const spoken = ['v1', 'v1beta1'];

/** What reaches webhooks. */
export interface ConversionClient {
  post(call: {
    readonly clientConfig: WebhookClientConfig;
    readonly body: string;
    readonly timeoutMs: number;
  }): Promise<unknown>;
}

interface Review {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly response?: {
    readonly uid?: unknown;
    readonly convertedObjects?: readonly KubernetesObject[] | null;
    readonly result?: { readonly status?: string; readonly message?: string };
  } | null;
}

/** Failures are ApiErrors. */
export function webhookConversion(
  crd: CustomResourceDefinition,
  client: ConversionClient,
  newUid: () => string,
): ConvertObjects {
  const { kind } = crd.spec.names;
  const { clientConfig, conversionReviewVersions = [] } = crd.spec.conversion?.webhook ?? {};
  const version = conversionReviewVersions.find((one) => spoken.includes(one));
  return async (objects, apiVersion) => {
    const fail = (why: string, from = objects[0]?.apiVersion): never => {
      throw new ApiError('InternalError', `conversion webhook for ${from}, Kind=${kind} ${why}`);
    };
    if (!clientConfig || version === undefined) return fail('failed: no supported conversion review versions');
    const uid = newUid();
    const request = { uid, desiredAPIVersion: apiVersion, objects };
    const body = JSON.stringify({ kind: 'ConversionReview', apiVersion: `${group}/${version}`, request });
    let review: Review;
    try {
      review = (await client.post({ clientConfig, body, timeoutMs })) as Review;
    } catch (error) {
      return fail(`failed: ${(error as Error).message}`);
    }
    const answer = convertedObjects(review, `${group}/${version}`, uid);
    if ('problem' in answer) return fail(`failed: ${answer.problem}`);
    const { converted } = answer;
    if (converted.length !== objects.length) {
      return fail(`returned ${converted.length} objects, expected ${objects.length}`);
    }
    for (const [index, object] of converted.entries()) {
      const problem = adopt(object, objects[index]!, apiVersion);
      if (problem) fail(`returned invalid converted object at index ${index}: ${problem}`, objects[index]!.apiVersion);
    }
    return converted;
  };
}

function convertedObjects(
  review: Review,
  apiVersion: string,
  uid: string,
): { converted: KubernetesObject[] } | { problem: string } {
  if (review?.apiVersion !== apiVersion || review.kind !== 'ConversionReview') {
    const got = `${String(review?.apiVersion)}, Kind=${String(review?.kind)}`;
    return { problem: `expected webhook response of ${apiVersion}, Kind=ConversionReview, got ${got}` };
  }
  const { response } = review;
  if (!response) return { problem: 'no response provided' };
  // The older form did not ask for it.
  if (response.uid !== uid && apiVersion.endsWith('/v1')) {
    return { problem: `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}` };
  }
  const { status = '', message = '' } = response.result ?? {};
  if (status !== 'Success') {
    return { problem: message !== '' ? message : `response.result.status was '${status}', not 'Success'` };
  }
  return { converted: [...(response.convertedObjects ?? [])] };
}

/** Of the metadata only labels and annotations may be changed; the rest is put back. Returns what is wrong. */
function adopt(object: KubernetesObject, original: KubernetesObject, apiVersion: string): string | undefined {
  if (object === null || typeof object !== 'object') return 'invalid type, expected an object';
  if (object.apiVersion !== apiVersion) {
    return `invalid groupVersion (expected ${apiVersion}, received ${object.apiVersion ?? ''})`;
  }
  if (object.kind !== original.kind) return `invalid kind (expected ${original.kind}, received ${object.kind ?? ''})`;
  const { name, namespace, uid, labels, annotations } = object.metadata ?? {};
  const before = original.metadata ?? {};
  for (const [field, value] of Object.entries({ name, namespace, uid })) {
    const was = before[field as 'name'];
    if ((value ?? '') !== (was ?? '')) {
      return `invalid metadata of object ${before.name ?? ''}: metadata.${field} may not change`;
    }
  }
  const { labels: _, annotations: __, ...rest } = before;
  object.metadata = { ...rest, ...(labels && { labels }), ...(annotations && { annotations }) };
  return undefined;
}
