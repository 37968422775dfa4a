/** JSON patch, RFC 6902, with the bounds that an open server needs. */
import { applyPatch, type Operation, Pointer } from 'rfc6902';
import { ApiError } from '../status.ts';
import { isRecord } from './merge-patch.ts';

export const maxJsonPatchOperations = 10_000;
/** What all `copy` operations together may add: a few dozen of them could otherwise double an object past all memory. */
export const maxCopiedBytes = 3 * 1024 * 1024;

const operations: ReadonlySet<unknown> = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

/**
 * A copy of `target` with all operations applied, or nothing at all.
 *
 * @throws ApiError BadRequest when the patch is none, Invalid when it does not fit, RequestEntityTooLarge past the bounds.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  const checked = checkOperations(patch);
  const result = structuredClone(target);
  let copiedBytes = 0;
  checked.forEach((operation, index) => {
    if (operation.op === 'copy') {
      const source = Pointer.fromJSON(operation.from).evaluate(result).value;
      copiedBytes += JSON.stringify(source)?.length ?? 0;
      if (copiedBytes > maxCopiedBytes) {
        throw new ApiError(
          'RequestEntityTooLarge',
          `copy operations of a JSON patch may add ${maxCopiedBytes} bytes at most`,
        );
      }
    }
    const error = applyPatch(result, [operation])[0];
    if (error) throw doesNotFit(index, operation, error.message || error.name);
  });
  return result;
}

function checkOperations(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) throw new ApiError('BadRequest', 'a JSON patch must be an array of operations');
  if (patch.length > maxJsonPatchOperations) {
    const message = `The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${patch.length}`;
    throw new ApiError('RequestEntityTooLarge', message);
  }
  patch.forEach((operation: unknown, index) => {
    if (!isRecord(operation) || !operations.has(operation.op)) {
      throw new ApiError(
        'BadRequest',
        `JSON patch operation ${index}: "op" must be one of ${[...operations].join(', ')}`,
      );
    }
    const { op, path, from } = operation;
    if (!isPointer(path))
      throw new ApiError('BadRequest', `JSON patch operation ${index}: "path" must be a JSON pointer`);
    if ((op === 'move' || op === 'copy') && !isPointer(from)) {
      throw new ApiError('BadRequest', `JSON patch operation ${index}: "from" must be a JSON pointer`);
    }
    if ((op === 'add' || op === 'replace' || op === 'test') && operation.value === undefined) {
      throw new ApiError('BadRequest', `JSON patch operation ${index}: "value" is missing`);
    }
  });
  return patch;
}

/** The root cannot be patched: it is not ours to replace an object as a whole. */
function isPointer(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/');
}

function doesNotFit(index: number, operation: Operation, why: string): ApiError {
  const message = `the server rejected our request due to an error in our request: JSON patch operation ${index} (${operation.op} ${operation.path}): ${why}`;
  return new ApiError('Invalid', message);
}
