import * as grpc from '@grpc/grpc-js';

/** What a caller of the cluster service is told. */
export class ClusterCallError extends Error {
  override readonly name = 'ClusterCallError';
  readonly code: grpc.status;

  constructor(code: grpc.status, message: string) {
    super(message);
    this.code = code;
  }
}

/** One mapping for everything that a call may end in. */
export function toServiceError(error: unknown): { code: grpc.status; details: string } {
  const details = error instanceof Error ? error.message : String(error);
  if (error instanceof ClusterCallError) return { code: error.code, details };
  const code = String((error as { code?: unknown }).code);
  if (['unavailable', 'no-leader', 'overloaded', 'stopped'].includes(code))
    return { code: grpc.status.UNAVAILABLE, details };
  if (['refused', 'invalid'].includes(code)) return { code: grpc.status.FAILED_PRECONDITION, details };
  return { code: grpc.status.UNKNOWN, details };
}
