/** Writes that failed for now are tried again until they are done, refused for good, or nobody waits any more. */
import { ApiError, isReason, type StatusReason } from '../api/status.ts';
import { backoffMs, delay } from '../client/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { retryBaseMs, retryMaxMs } from './limits.ts';

/** Trying again cannot help. A conflict is none of these: the next attempt reads first. */
const definite: ReadonlySet<StatusReason> = new Set<StatusReason>([
  'BadRequest',
  'Unauthorized',
  'Forbidden',
  'NotFound',
  'MethodNotAllowed',
  'NotAcceptable',
  'AlreadyExists',
  'Gone',
  'RequestEntityTooLarge',
  'UnsupportedMediaType',
  'Invalid',
]);

export function isDefinite(error: unknown): error is ApiError {
  return error instanceof ApiError && definite.has(error.reason);
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Calls `attempt` (with the number of the attempt, from 0) until it settles for good.
 *
 * @throws the definite refusal, or the last failure once the signal has aborted
 */
export async function retry<T>(options: RetryOptions, attempt: (count: number) => Promise<T>): Promise<T> {
  for (let count = 0; ; count++) {
    try {
      return await attempt(count);
    } catch (error) {
      if (isDefinite(error) || options.signal.aborted) throw error;
      // Somebody else wrote since: the next attempt reads first, and need not wait for that.
      if (count === 0 && isReason(error, 'Conflict')) continue;
      options.logger.debug({ err: error, attempt: count }, 'a write failed for now');
      await delay(options.clock, backoffMs(count, retryBaseMs, retryMaxMs), options.signal);
      if (options.signal.aborted) throw error;
    }
  }
}
