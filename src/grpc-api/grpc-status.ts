/** The one place where failures of the API become gRPC statuses. */
import * as grpc from '@grpc/grpc-js';
import { ApiError, type StatusReason } from '../api/status.ts';

/** Trailing metadata of every failure: the Kubernetes `Status` as JSON in UTF-8. */
export const statusMetadataKey = 'kubernetes-status-bin';

/** What grpc-js sends when a handler hands it an error. */
export interface GrpcFailure {
  readonly code: grpc.status;
  readonly details: string;
  readonly metadata: grpc.Metadata;
}

const codes: Readonly<Record<StatusReason, grpc.status>> = {
  BadRequest: grpc.status.INVALID_ARGUMENT,
  Unauthorized: grpc.status.UNAUTHENTICATED,
  Forbidden: grpc.status.PERMISSION_DENIED,
  NotFound: grpc.status.NOT_FOUND,
  MethodNotAllowed: grpc.status.UNIMPLEMENTED,
  NotAcceptable: grpc.status.INVALID_ARGUMENT,
  AlreadyExists: grpc.status.ALREADY_EXISTS,
  Conflict: grpc.status.ABORTED,
  Gone: grpc.status.OUT_OF_RANGE,
  Expired: grpc.status.OUT_OF_RANGE,
  RequestEntityTooLarge: grpc.status.RESOURCE_EXHAUSTED,
  UnsupportedMediaType: grpc.status.INVALID_ARGUMENT,
  Invalid: grpc.status.INVALID_ARGUMENT,
  TooManyRequests: grpc.status.RESOURCE_EXHAUSTED,
  InternalError: grpc.status.INTERNAL,
  ServiceUnavailable: grpc.status.UNAVAILABLE,
  ServerTimeout: grpc.status.UNAVAILABLE,
  Timeout: grpc.status.DEADLINE_EXCEEDED,
};

/** Anything that is no {@link ApiError} is a fault of ours: INTERNAL, without its text, which may not be the caller's business. */
export function toGrpcFailure(error: unknown): GrpcFailure {
  const apiError = error instanceof ApiError ? error : new ApiError('InternalError', 'an internal error occurred');
  const metadata = new grpc.Metadata();
  metadata.set(statusMetadataKey, Buffer.from(JSON.stringify(apiError.toStatus())));
  return { code: codes[apiError.reason], details: apiError.message, metadata };
}
