/** The one place where the store's failures become the API's. */
import { ApiError } from '../api/status.ts';
import { StoreError } from '../store/types.ts';

/** Seconds after which a client should try again when this replica cannot serve now. */
const retryAfterSeconds = 1;

/** What is not a StoreError comes back as it is. */
export function fromStoreError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const options = { cause: error };
  switch (error.code) {
    case 'compacted':
      return new ApiError('Expired', 'The resourceVersion for the provided list is too old.', undefined, options);
    case 'future-revision':
      return new ApiError(
        'Timeout',
        `Too large resource version: ${error.message}`,
        { retryAfterSeconds, causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
        options,
      );
    case 'fenced':
      return new ApiError('Conflict', `the writer's term is over: ${error.message}`, undefined, options);
    case 'slow':
      return new ApiError('Expired', 'the watch was too slow and has been closed', undefined, options);
    case 'unavailable':
      return new ApiError(
        'ServiceUnavailable',
        `nothing was written: ${error.message}`,
        { retryAfterSeconds },
        options,
      );
    case 'unknown-outcome':
      return new ApiError(
        'Timeout',
        `the request may or may not have been carried out: ${error.message}`,
        { retryAfterSeconds },
        options,
      );
    case 'no-space':
      return new ApiError(
        'ServiceUnavailable',
        `nothing was written, the store's space is used up: ${error.message}`,
        { retryAfterSeconds },
        options,
      );
    case 'too-large':
    case 'too-many-operations':
      return new ApiError('RequestEntityTooLarge', error.message, undefined, options);
    case 'duplicate-key':
    case 'key-not-found':
    case 'lease-not-found':
    case 'lease-exists':
    case 'lease-ttl-too-large':
    case 'invalid':
      return new ApiError('InternalError', `Internal error occurred: ${error.message}`, undefined, options);
  }
}

/** Runs `work`; its StoreErrors come out as ApiErrors. */
export async function withStoreErrors<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromStoreError(error);
  }
}
