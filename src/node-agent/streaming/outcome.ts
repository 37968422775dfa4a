/** The `Status` objects that exec and attach send on the error channel (remote command protocol v4 and v5). */
import { ApiError, type Status } from '../../api/status.ts';

export function exitOutcome(exitCode: number): Status {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

export function failureOutcome(error: unknown): Status {
  if (error instanceof ApiError) return error.toStatus();
  // A gRPC error's `details` is containerd's own sentence, without the code.
  const { details, message } = error as { details?: unknown; message?: string };
  return new ApiError(
    'InternalError',
    `Internal error occurred: error executing command in container: ${typeof details === 'string' && details !== '' ? details : message}`,
  ).toStatus();
}
