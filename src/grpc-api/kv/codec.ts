/** `trimast.kv.v1` between bytes and the store's own terms, by hand: it is the hot path of bulk writers. */

import { GrpcError, grpcStatus, ProtoReader, type ProtoWriter } from '../../lib/lean-grpc/index.ts';
import type {
  Compare,
  CompareOperator,
  KeyRange,
  KeyValue,
  Operation,
  OperationResult,
  RangeOperation,
  Transaction,
} from '../../store/types.ts';
import { maxTransactionOperations } from './limits.ts';

export type StreamCall =
  | { readonly number: number; readonly type: 'write'; readonly transaction: Transaction; readonly single: boolean }
  | {
      readonly number: number;
      readonly type: 'range';
      readonly operation: RangeOperation;
      readonly serializable: boolean;
    }
  /** Not understood: why. */
  | { readonly number: number; readonly type: 'invalid'; readonly message: string };

const noBytes: Uint8Array = new Uint8Array(0);
const noCompares = [] as const;
const operators: readonly (CompareOperator | undefined)[] = [undefined, '=', '!=', '<', '>'];

/** @throws GrpcError when the bytes are no StreamRequest */
export function readCalls(bytes: Uint8Array, visit: (call: StreamCall) => void): void {
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === 1) visit(reader.message(readCall));
    else reader.skip();
  }
}

function readCall(reader: ProtoReader): StreamCall {
  let number = 0;
  let single: Operation | undefined;
  let transaction: Transaction | undefined;
  let range: { operation: RangeOperation; serializable: boolean } | undefined;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        number = reader.number();
        break;
      case 2:
        single = reader.message(readPut);
        break;
      case 3:
        single = reader.message(readDelete);
        break;
      case 4:
        transaction = reader.message(readTransaction);
        break;
      case 5:
        range = reader.message(readRange);
        break;
      default:
        reader.skip();
    }
  }
  if (single) return { number, type: 'write', single: true, transaction: { compare: noCompares, success: [single] } };
  if (range) return { number, type: 'range', ...range };
  if (!transaction) return { number, type: 'invalid', message: 'a call needs one of put, delete, transaction, range' };
  const { compare, success, failure = [] } = transaction;
  if (Math.max(compare.length, success.length, failure.length) > maxTransactionOperations)
    return { number, type: 'invalid', message: `more than ${maxTransactionOperations} operations in a transaction` };
  return { number, type: 'write', single: false, transaction };
}

function readPut(reader: ProtoReader): Operation {
  let key = '';
  let value: Uint8Array = noBytes;
  let leaseId: bigint | undefined;
  while (reader.next()) {
    if (reader.field === 1) key = reader.byteString();
    else if (reader.field === 2) value = reader.bytes();
    else if (reader.field === 3) leaseId = reader.bigint() || undefined;
    else reader.skip();
  }
  return { type: 'put', key, value, leaseId };
}

function readDelete(reader: ProtoReader): Operation {
  let key = '';
  let end = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.byteString();
    else if (reader.field === 2) end = reader.byteString();
    else reader.skip();
  }
  return { type: 'delete', ...rangeOf(key, end) };
}

function readRange(reader: ProtoReader): { operation: RangeOperation; serializable: boolean } {
  let key = '';
  let end = '';
  let limit = 0;
  let revision = 0;
  let serializable = false;
  let keysOnly = false;
  while (reader.next()) {
    if (reader.field === 1) key = reader.byteString();
    else if (reader.field === 2) end = reader.byteString();
    else if (reader.field === 3) limit = reader.number();
    else if (reader.field === 4) revision = reader.number();
    else if (reader.field === 5) serializable = reader.bool();
    else if (reader.field === 6) keysOnly = reader.bool();
    else reader.skip();
  }
  return {
    operation: {
      type: 'range',
      ...rangeOf(key, end),
      limit: limit > 0 ? limit : undefined,
      revision: revision > 0 ? revision : undefined,
      keysOnly,
    },
    serializable,
  };
}

function rangeOf(key: string, end: string): KeyRange {
  return end === '' ? { key } : { key, end: end === '\0' ? '' : end };
}

function readTransaction(reader: ProtoReader): Transaction {
  const compare: Compare[] = [];
  const success: Operation[] = [];
  const failure: Operation[] = [];
  while (reader.next()) {
    if (reader.field === 1) compare.push(reader.message(readComparison));
    else if (reader.field === 2) success.push(reader.message(readOperation));
    else if (reader.field === 3) failure.push(reader.message(readOperation));
    else reader.skip();
  }
  return { compare, success, failure };
}

function readOperation(reader: ProtoReader): Operation {
  let operation: Operation | undefined;
  while (reader.next()) {
    if (reader.field === 1) operation = reader.message(readPut);
    else if (reader.field === 2) operation = reader.message(readDelete);
    else if (reader.field === 3) operation = reader.message((inner) => readRange(inner).operation);
    else reader.skip();
  }
  if (!operation) throw malformed('an operation needs one of put, delete, range');
  return operation;
}

function readComparison(reader: ProtoReader): Compare {
  let key = '';
  let operator: CompareOperator | undefined;
  let number = 0;
  let target: 'version' | 'createRevision' | 'modRevision' | 'value' | undefined;
  let value: Uint8Array = noBytes;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        key = reader.byteString();
        break;
      case 2:
        operator = operators[reader.number()];
        break;
      case 3:
      case 4:
      case 5:
        target = reader.field === 3 ? 'version' : reader.field === 4 ? 'createRevision' : 'modRevision';
        number = reader.number();
        break;
      case 6:
        target = 'value';
        value = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  if (operator === undefined || target === undefined) throw malformed('a comparison needs an operator and an operand');
  if (target === 'value') return { key, target, operator, operand: value };
  return { key, target, operator, operand: number };
}

function malformed(message: string): GrpcError {
  return new GrpcError(grpcStatus.invalidArgument, message);
}

// --- answers ---

/** As field 2 of a StreamResponse. */
export function writeCommitted(
  writer: ProtoWriter,
  number: number,
  revision: number,
  succeeded: boolean,
  results: readonly OperationResult[] | undefined,
): void {
  const result = writer.open(2);
  writer.number(1, number);
  const committed = writer.open(2);
  writer.number(1, revision);
  writer.bool(2, succeeded);
  for (const one of results ?? []) writeResult(writer, one);
  writer.close(committed);
  writer.close(result);
}

function writeResult(writer: ProtoWriter, result: OperationResult): void {
  const start = writer.open(3);
  if (result.type === 'delete') writer.explicitNumber(1, result.deleted);
  else if (result.type === 'put') writer.close(writer.open(3));
  else if (result.type === 'range') {
    const range = writer.open(2);
    for (const item of result.items) writeKeyValue(writer, item);
    writer.bool(2, result.more);
    writer.close(range);
  }
  writer.close(start);
}

function writeKeyValue(writer: ProtoWriter, item: KeyValue): void {
  const start = writer.open(1);
  writer.byteString(1, item.key);
  writer.bytes(2, item.value);
  writer.number(3, item.createRevision);
  writer.number(4, item.modRevision);
  writer.number(5, item.version);
  if (item.leaseId !== undefined) writer.bigint(6, item.leaseId);
  writer.close(start);
}

/** `reason` 0: unknown whether it was carried out. */
export function writeFailure(writer: ProtoWriter, number: number, reason: number, message: string): void {
  const result = writer.open(2);
  writer.number(1, number);
  const failure = writer.open(reason === 0 ? 4 : 3);
  writer.number(1, reason);
  if (reason === 0) writer.text(1, message);
  else writer.text(2, message);
  writer.close(failure);
  writer.close(result);
}

export function writeLimits(writer: ProtoWriter, calls: number, requestBytes: number): void {
  const start = writer.open(1);
  writer.number(1, calls);
  writer.number(2, requestBytes);
  writer.close(start);
}
