/** Why a call ends, as gRPC tells it. Nothing else leaves the dispatcher's handlers. */
import { type ServiceError, status } from '@grpc/grpc-js';
import { ApiError, type StatusReason } from '../api/status.ts';

export class DispatchError extends Error {
  override readonly name = 'DispatchError';
  readonly code: status;

  constructor(code: status, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const codes: Partial<Record<StatusReason, status>> = {
  BadRequest: status.INVALID_ARGUMENT,
  Invalid: status.INVALID_ARGUMENT,
  RequestEntityTooLarge: status.INVALID_ARGUMENT,
  Forbidden: status.PERMISSION_DENIED,
  Unauthorized: status.PERMISSION_DENIED,
  InternalError: status.INTERNAL,
};

export function toServiceError(error: unknown): Pick<ServiceError, 'code' | 'details'> {
  if (error instanceof DispatchError) return { code: error.code, details: error.message };
  if (error instanceof ApiError) return { code: codes[error.reason] ?? status.UNAVAILABLE, details: error.message };
  return { code: status.INTERNAL, details: error instanceof Error ? error.message : String(error) };
}
