/**
 * Where a limited list goes on: base64url of `{"v":"trimast/v1","rv":REVISION,"after":LAST_KEY}`, opaque to clients.
 * `rv` -1 marks a list that goes on inconsistently, at whatever revision is current.
 */
import { ApiError } from '../api/status.ts';

export interface ContinueToken {
  /** -1: the current one. */
  readonly revision: number;
  /** Last key that was returned, relative to the collection's prefix. */
  readonly after: string;
}

const version = 'trimast/v1';

/** Longest token that is looked at. */
const maxTokenLength = 4096;

export function encodeContinue(token: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: version, rv: token.revision, after: token.after })).toString('base64url');
}

/** @throws ApiError BadRequest */
export function decodeContinue(text: string): ContinueToken {
  if (text.length <= maxTokenLength) {
    const parsed = parseJson(Buffer.from(text, 'base64url').toString());
    if (parsed?.v === version && Number.isSafeInteger(parsed.rv) && typeof parsed.after === 'string') {
      return { revision: parsed.rv as number, after: parsed.after };
    }
  }
  throw new ApiError('BadRequest', 'continue key is not valid: it must be a token that an earlier list returned');
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export function expiredContinue(after: string): ApiError {
  return new ApiError(
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the ' +
      'continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with ' +
      'the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the ' +
      'first chunk was returned and now may show up in the list.',
    undefined,
    { metadata: { continue: encodeContinue({ revision: -1, after }) } },
  );
}
