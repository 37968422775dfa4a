/**
 * Failures as the Kubernetes API tells them: `Status` objects. Every layer above the store throws {@link ApiError};
 * REST and gRPC each map it to the wire in one place.
 */
import type { StatusCause as CauseObject, ListMeta, Status as StatusObject } from './generated/types/meta-v1.ts';

export type Status = StatusObject;
export type StatusCause = CauseObject;

/** `metav1.StatusReason`, with the HTTP code that goes with each. */
export const reasonCodes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  /** The server cannot finish now; a retry may help. */
  ServerTimeout: 500,
  Timeout: 504,
} as const;

export type StatusReason = keyof typeof reasonCodes;

export interface ApiErrorDetails {
  /** Resource name, plural (`deployments`), or the kind for `Invalid`. */
  kind?: string | undefined;
  group?: string | undefined;
  name?: string | undefined;
  uid?: string | undefined;
  causes?: StatusCause[] | undefined;
  retryAfterSeconds?: number | undefined;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: ApiErrorDetails | undefined;
  /** Of the Status: the fresh `continue` token that an expired one is answered with. */
  readonly metadata: ListMeta;
  /** What somebody outside (a webhook) said, told as it is. */
  readonly #verbatim: Status | undefined;

  constructor(
    reason: StatusReason,
    message: string,
    details?: ApiErrorDetails,
    options?: ErrorOptions & { readonly metadata?: ListMeta | undefined; readonly verbatim?: Status | undefined },
  ) {
    super(message, options);
    this.reason = reason;
    this.#verbatim = options?.verbatim;
    this.code = options?.verbatim?.code ?? reasonCodes[reason];
    this.details = details;
    this.metadata = options?.metadata ?? {};
  }

  toStatus(): Status {
    if (this.#verbatim) return this.#verbatim;
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.metadata,
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details && { details: this.details }),
      code: this.code,
    };
  }

  /** From a `Status` that a server sent. */
  static fromStatus(status: Status): ApiError {
    const reason = status.reason && status.reason in reasonCodes ? (status.reason as StatusReason) : 'InternalError';
    return new ApiError(reason, status.message ?? reason, status.details as ApiErrorDetails | undefined, {
      metadata: status.metadata,
    });
  }
}

export function isReason(error: unknown, reason: StatusReason): boolean {
  return error instanceof ApiError && error.reason === reason;
}

/** `deployments.apps`, or `pods` in the core group: how messages name a resource. */
export function qualifiedResource(gvr: { readonly group: string; readonly resource: string }): string {
  return gvr.group === '' ? gvr.resource : `${gvr.resource}.${gvr.group}`;
}
