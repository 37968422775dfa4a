/** One call of one webhook, and what its answer means. */
import { ApiError, reasonCodes, type Status, type StatusReason } from '../../../api/status.ts';
import { forbidden } from '../../errors.ts';
import type { Authorizer } from '../../types.ts';
import { ConditionError, type ConditionMatcher } from '../matching/conditions.ts';
import { needsConversion, viewAs } from '../matching/versions.ts';
import type { AdmissionRequest } from '../types.ts';
import type { WebhookClient } from './client.ts';
import type { Invocation } from './hooks.ts';
import {
  InvalidReview,
  type ReviewAnswer,
  type ReviewStatus,
  readReview,
  reviewRequest,
  reviewVersion,
} from './review.ts';

const defaultTimeoutSeconds = 10;

/** The webhook could not be asked, or its answer is of no use: its failure policy decides. */
export class CallFailure extends Error {}

/** @throws CallFailure; ApiError BadRequest for a dry run that the webhook cannot do, or what it refused with */
export async function callHook(
  client: WebhookClient,
  { hook, as }: Invocation,
  request: AdmissionRequest,
  mutating: boolean,
  uid: string,
): Promise<ReviewAnswer> {
  const {
    name,
    sideEffects,
    clientConfig,
    admissionReviewVersions,
    timeoutSeconds = defaultTimeoutSeconds,
  } = hook.webhook;
  if (request.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
    throw new ApiError('BadRequest', `admission webhook ${JSON.stringify(name)} does not support dry run`);
  }
  const fail = (why: string) => new CallFailure(`failed calling webhook ${JSON.stringify(name)}: ${why}`);
  const version = reviewVersion(admissionReviewVersions);
  if (!version) {
    throw fail(
      'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)',
    );
  }
  const body = JSON.stringify(reviewRequest(version, uid, request, as, await viewAs(request, as)));
  let answer: ReviewAnswer;
  try {
    const { signal } = request;
    const value = await client.post({ clientConfig, body, timeoutMs: timeoutSeconds * 1000, signal });
    answer = readReview(value, version, uid, mutating);
  } catch (error) {
    const { message } = error as Error;
    throw fail(error instanceof InvalidReview ? message : `failed to call webhook: ${message}`);
  }
  for (const [key, value] of Object.entries(answer.auditAnnotations)) request.annotate?.(`${name}/${key}`, value);
  for (const warning of answer.warnings) request.warn?.(warning);
  if (!answer.allowed) throw denied(name, answer.result);
  return answer;
}

/** @throws ApiError Forbidden when a match condition fails, and the webhook must not be left out */
export async function isOfInterest(
  conditions: ConditionMatcher,
  request: AdmissionRequest,
  { as }: Invocation,
  { authorizer }: { readonly authorizer: Authorizer },
): Promise<boolean> {
  try {
    const view = needsConversion(request, as) ? await viewAs(request, as) : undefined;
    return await conditions.match({ request, as, authorizer, view });
  } catch (error) {
    if (error instanceof ConditionError) throw forbidden(request.definition, request.name, error.message);
    throw error;
  }
}

/** Of a webhook that must not fail. */
export function failedClosed(failure: CallFailure): ApiError {
  const { message } = failure;
  return new ApiError(
    'InternalError',
    `Internal error occurred: ${message}`,
    { causes: [{ message }] },
    { cause: failure },
  );
}

/** What the webhook said, with its name before it; never less than a 400. */
export function denied(name: string, result: ReviewStatus | undefined): ApiError {
  const start = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why = result?.message || result?.reason;
  const message = why ? `${start}: ${why}` : `${start} without explanation`;
  const code = Math.max(400, result?.code ?? 0);
  const verbatim: Status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(result?.reason && { reason: result.reason }),
    ...(result?.details && { details: result.details as Status['details'] }),
    code,
  };
  return new ApiError(reasonOf(result?.reason, code), message, undefined, { verbatim });
}

function reasonOf(reason: string | undefined, code: number): StatusReason {
  if (reason !== undefined && Object.hasOwn(reasonCodes, reason)) return reason as StatusReason;
  const found = Object.entries(reasonCodes).find(([, own]) => own === code);
  return (found?.[0] as StatusReason | undefined) ?? 'BadRequest';
}
