/** Thrown for a broken invariant: a bug of ours. It is never caught to go on; it ends the process. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Checks an invariant; stays on in production. `details` are the values a reader of the crash needs.
 *
 * @throws AssertionError when `condition` is false.
 */
export function assert(condition: unknown, message: string, details?: Record<string, unknown>): asserts condition {
  if (condition) return;
  throw new AssertionError(details ? `${message}: ${JSON.stringify(details)}` : message);
}

/** For the default branch of a switch over a union: the compiler proves that it cannot be reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
