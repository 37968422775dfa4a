/**
 * What the Raft thread asks of the log's writer thread, as bytes in shared memory. Never on disk.
 *
 * ```
 * u8   1: sync
 * u32  number of operations, each: u8 operation, u8 key length, u32 value length, key, value
 * ```
 *
 * `put` and `delete` are one atomic batch, in order. The value of `lower` is written to the tail mark and synced before the batch,
 * that of `raise` is written after it, when the job is done.
 */
import type { Entry } from './core/types.ts';
import { encodePackInto, packBytes } from './entry-codec.ts';

export type JobOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'put-entries'; readonly key: Uint8Array; readonly entries: readonly Entry[] }
  | { readonly type: 'delete'; readonly key: Uint8Array }
  | { readonly type: 'lower' | 'raise'; readonly value: Uint8Array };

export interface LogJob {
  readonly sync: boolean;
  readonly operations: readonly JobOperation[];
}

export const jobCodes = { put: 1, delete: 2, lower: 3, raise: 4 } as const;
const operationHeaderBytes = 6;
const headerBytes = 5;

const keyBytes = (operation: JobOperation) => ('key' in operation ? operation.key.length : 0);

function valueBytes(operation: JobOperation): number {
  if (operation.type === 'put-entries') return packBytes(operation.entries);
  return 'value' in operation ? operation.value.length : 0;
}

export function jobBytes({ operations }: LogJob): number {
  let bytes = headerBytes;
  for (const operation of operations) bytes += operationHeaderBytes + keyBytes(operation) + valueBytes(operation);
  return bytes;
}

export function encodeJob(target: Uint8Array, { sync, operations }: LogJob): void {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  target[0] = sync ? 1 : 0;
  view.setUint32(1, operations.length, true);
  let at = headerBytes;
  for (const operation of operations) {
    target[at] = jobCodes[operation.type === 'put-entries' ? 'put' : operation.type];
    target[at + 1] = keyBytes(operation);
    view.setUint32(at + 2, valueBytes(operation), true);
    at += operationHeaderBytes;
    if ('key' in operation) {
      target.set(operation.key, at);
      at += operation.key.length;
    }
    if (operation.type === 'put-entries') at = encodePackInto(target, at, operation.entries);
    else if ('value' in operation) {
      target.set(operation.value, at);
      at += operation.value.length;
    }
  }
}

/** Keys and values are views into `source`. */
export function* decodeJob(source: Buffer): Generator<{ code: number; key: Buffer; value: Buffer }> {
  let at = headerBytes;
  for (let count = source.readUInt32LE(1); count > 0; count--) {
    const keyAt = at + operationHeaderBytes;
    const valueAt = keyAt + source[at + 1]!;
    const end = valueAt + source.readUInt32LE(at + 2);
    yield { code: source[at]!, key: source.subarray(keyAt, valueAt), value: source.subarray(valueAt, end) };
    at = end;
  }
}
