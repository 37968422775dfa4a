/** AdmissionReview (admission.k8s.io v1 and v1beta1): the question that is put to a webhook, and what its answer says. */
import type { ResourceDefinition } from '../../../api/definition.ts';
import type { GroupVersionKind, GroupVersionResource, KubernetesObject } from '../../../api/types.ts';
import type { WriteRequestOptions } from '../../body.ts';
import type { DeleteRequest } from '../../deletion.ts';
import { fromStored } from '../../served-form.ts';
import { asVersion, isNamespaces } from '../matching/rules.ts';
import type { View } from '../matching/versions.ts';
import type { AdmissionRequest } from '../types.ts';

export type ReviewVersion = 'v1' | 'v1beta1';

export interface ReviewStatus {
  readonly status?: string | undefined;
  readonly message?: string | undefined;
  readonly reason?: string | undefined;
  readonly code?: number | undefined;
  readonly details?: object | undefined;
}

export interface ReviewAnswer {
  readonly allowed: boolean;
  readonly result: ReviewStatus | undefined;
  /** Operations of a JSON patch. */
  readonly patch: readonly unknown[] | undefined;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** The first of those that the webhook takes and we know. */
export function reviewVersion(accepted: readonly string[]): ReviewVersion | undefined {
  return accepted.find((version): version is ReviewVersion => version === 'v1' || version === 'v1beta1');
}

/** `as`: the version that the webhook asked for by its rules; `view`: the objects in it. */
export function reviewRequest(
  version: ReviewVersion,
  uid: string,
  request: AdmissionRequest,
  as: ResourceDefinition,
  view: View,
): object {
  const { definition, subresource, user, operation, name, namespace } = request;
  const kindOf = (resource: ResourceDefinition): GroupVersionKind => request.kind ?? resource;
  return {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: {
      uid,
      kind: kindName(kindOf(as)),
      resource: resourceName(as),
      ...(subresource !== undefined && { subResource: subresource }),
      requestKind: kindName(kindOf(definition)),
      requestResource: resourceName(definition),
      ...(subresource !== undefined && { requestSubResource: subresource }),
      ...(name !== '' && { name }),
      ...placeOf(request, namespace),
      operation,
      userInfo: {
        username: user.name,
        ...(user.uid && { uid: user.uid }),
        groups: user.groups,
        ...(user.extra && Object.keys(user.extra).length > 0 && { extra: user.extra }),
      },
      object: view.object ?? null,
      oldObject: view.oldObject ?? null,
      dryRun: request.dryRun,
      options: operationOptions(request),
    },
  };
}

/** As clients of `as` see it. */
export function servedForm(
  { definition, kind }: AdmissionRequest,
  object: KubernetesObject | undefined,
  as: ResourceDefinition,
): KubernetesObject | undefined {
  if (!object || kind) return object;
  return asVersion(fromStored(definition, object), definition, as);
}

function kindName({ group, version, kind }: GroupVersionKind): object {
  return { group, version, kind };
}

function resourceName({ group, version, resource }: GroupVersionResource): object {
  return { group, version, resource };
}

/** A namespace counts as its own. */
function placeOf({ definition, name }: AdmissionRequest, namespace: string | undefined): object {
  if (isNamespaces(definition)) return { namespace: name };
  return namespace === undefined ? {} : { namespace };
}

/** CreateOptions and the like. */
export function operationOptions({ operation, dryRun, options = {} }: AdmissionRequest): object | null {
  const meta = { apiVersion: 'meta.k8s.io/v1' };
  const dry = dryRun ? { dryRun: ['All'] } : {};
  if (operation === 'CONNECT') return null;
  if (operation === 'DELETE') {
    const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions } = options as DeleteRequest;
    return {
      kind: 'DeleteOptions',
      ...meta,
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      ...(preconditions !== undefined && { preconditions }),
      ...(orphanDependents !== undefined && { orphanDependents }),
      ...(propagationPolicy !== undefined && { propagationPolicy }),
      ...dry,
    };
  }
  const { fieldManager, force } = options as WriteRequestOptions;
  return {
    kind: operation === 'CREATE' ? 'CreateOptions' : force === undefined ? 'UpdateOptions' : 'PatchOptions',
    ...meta,
    ...(fieldManager !== undefined && { fieldManager }),
    ...(force !== undefined && { force }),
    ...dry,
  };
}

/** What is wrong with an answer: the webhook then counts as failed. */
export class InvalidReview extends Error {}

/** @throws InvalidReview */
export function readReview(body: unknown, version: ReviewVersion, uid: string, mutating: boolean): ReviewAnswer {
  const review = isObject(body) ? body : {};
  const response = review.response;
  if (!isObject(response)) throw new InvalidReview('received invalid webhook response: webhook response was absent');
  if (version === 'v1') checkIdentity(review, response, uid);
  const patch = textOf(response.patch);
  const type = response.patchType ?? undefined;
  if (!mutating && patch) throw invalid('validating webhook may not return response.patch');
  if (!mutating && version === 'v1' && type !== undefined) {
    throw invalid('validating webhook may not return response.patchType');
  }
  if (mutating && version === 'v1' && patch && type === undefined) {
    throw invalid('webhook returned response.patch but not response.patchType');
  }
  if (mutating && version === 'v1' && !patch && type !== undefined) {
    throw invalid('webhook returned response.patchType but not response.patch');
  }
  if (patch && version === 'v1' && type !== 'JSONPatch') {
    throw new InvalidReview(`unsupported patch type ${JSON.stringify(type)}`);
  }
  return {
    allowed: response.allowed === true,
    result: isObject(response.status) ? (response.status as ReviewStatus) : undefined,
    patch: patch ? decodePatch(patch) : undefined,
    warnings: Array.isArray(response.warnings) ? response.warnings.filter((one) => typeof one === 'string') : [],
    auditAnnotations: isObject(response.auditAnnotations) ? (response.auditAnnotations as Record<string, string>) : {},
  };
}

function checkIdentity(review: Record<string, unknown>, response: Record<string, unknown>, uid: string): void {
  if (response.uid !== uid) throw invalid(`expected response.uid="${uid}", got "${textOf(response.uid)}"`);
  const [apiVersion, kind] = [textOf(review.apiVersion), textOf(review.kind)];
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview') {
    const wanted = 'admission.k8s.io/v1, Kind=AdmissionReview';
    throw invalid(`expected webhook response of ${wanted}, got ${apiVersion || '/'}, Kind=${kind}`);
  }
}

function decodePatch(patch: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(patch, 'base64').toString());
  } catch (error) {
    throw new InvalidReview(`received undecodable patch in webhook response: ${(error as Error).message}`);
  }
  if (Array.isArray(value)) return value;
  throw new InvalidReview('received undecodable patch in webhook response: a JSON patch is a list of operations');
}

function invalid(why: string): InvalidReview {
  return new InvalidReview(`received invalid webhook response: ${why}`);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
