/**
 * Requests and answers of the KV and Watch services, between bytes and the store's own terms. Written by hand, because these are the hot
 * ones; a test holds them against the generated code.
 */

import { ProtoReader, type ProtoWriter } from '../../lib/lean-grpc/index.ts';
import type {
  Compare,
  CompareOperator,
  DeleteOperation,
  KeyRange,
  KeyValue,
  Operation,
  OperationResult,
  PutOperation,
  RangeAnswer,
  RangeOperation,
  SortOrder,
  Transaction,
  WatchEvent,
} from '../../store/types.ts';
import { etcdError } from './errors.ts';

export interface RangeCall {
  readonly operation: RangeOperation;
  readonly serializable: boolean;
}

const noBytes: Uint8Array = new Uint8Array(0);
const sortTargets = ['key', 'version', 'createRevision', 'modRevision', 'value'] as const;
const sortOrders = ['none', 'ascend', 'descend'] as const;
const compareOperators = ['=', '>', '<', '!='] as const satisfies readonly CompareOperator[];
const compareTargets = ['version', 'createRevision', 'modRevision', 'value', 'lease'] as const;

/** etcd's range end as ours: absent for one key, '' for "to the end". */
export function rangeOf(key: string, rangeEnd: string): KeyRange {
  if (rangeEnd === '') return { key };
  return { key, end: rangeEnd === '\0' ? '' : rangeEnd };
}

export function readRange(reader: ProtoReader): RangeCall {
  let key = '';
  let rangeEnd = '';
  let limit = 0;
  let revision = 0;
  let order = 0;
  let target = 0;
  let serializable = false;
  let keysOnly = false;
  let countOnly = false;
  let bounds:
    | Pick<RangeOperation, 'minModRevision' | 'maxModRevision' | 'minCreateRevision' | 'maxCreateRevision'>
    | undefined;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        key = reader.byteString();
        break;
      case 2:
        rangeEnd = reader.byteString();
        break;
      case 3:
        limit = reader.number();
        break;
      case 4:
        revision = reader.number();
        break;
      case 5:
        order = reader.number();
        break;
      case 6:
        target = reader.number();
        break;
      case 7:
        serializable = reader.bool();
        break;
      case 8:
        keysOnly = reader.bool();
        break;
      case 9:
        countOnly = reader.bool();
        break;
      case 10:
        bounds = { ...bounds, minModRevision: reader.number() };
        break;
      case 11:
        bounds = { ...bounds, maxModRevision: reader.number() };
        break;
      case 12:
        bounds = { ...bounds, minCreateRevision: reader.number() };
        break;
      case 13:
        bounds = { ...bounds, maxCreateRevision: reader.number() };
        break;
      default:
        reader.skip();
    }
  }
  if (key === '') throw etcdError('emptyKey');
  const sortOrder = sortOrders[order];
  const sortTarget = sortTargets[target];
  if (sortOrder === undefined || sortTarget === undefined) throw etcdError('invalidSortOption');
  const sort: SortOrder | undefined =
    order === 0 && target === 0 ? undefined : { target: sortTarget, order: sortOrder };
  const operation: RangeOperation = {
    type: 'range',
    key,
    end: rangeEnd === '' ? undefined : rangeEnd === '\0' ? '' : rangeEnd,
    revision: revision > 0 ? revision : undefined,
    limit: limit > 0 ? limit : undefined,
    sort,
    keysOnly,
    countOnly,
    ...bounds,
  };
  return { operation, serializable };
}

export function readPut(reader: ProtoReader): PutOperation {
  let key = '';
  let value: Uint8Array = noBytes;
  let leaseId: bigint | undefined;
  let previous = false;
  let ignoreValue = false;
  let ignoreLease = false;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        key = reader.byteString();
        break;
      case 2:
        value = reader.bytes();
        break;
      case 3:
        leaseId = reader.bigint();
        if (leaseId === 0n) leaseId = undefined;
        break;
      case 4:
        previous = reader.bool();
        break;
      case 5:
        ignoreValue = reader.bool();
        break;
      case 6:
        ignoreLease = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  if (key === '') throw etcdError('emptyKey');
  if (ignoreValue && value.length > 0) throw etcdError('valueProvided');
  if (ignoreLease && leaseId !== undefined) throw etcdError('leaseProvided');
  return { type: 'put', key, value, leaseId, previous, ignoreValue, ignoreLease };
}

export function readDelete(reader: ProtoReader): DeleteOperation {
  let key = '';
  let rangeEnd = '';
  let previous = false;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        key = reader.byteString();
        break;
      case 2:
        rangeEnd = reader.byteString();
        break;
      case 3:
        previous = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  if (key === '') throw etcdError('emptyKey');
  return { type: 'delete', ...rangeOf(key, rangeEnd), previous };
}

/** Nesting deeper than this is refused as too many operations; each level needs one at least. */
const maxDepth = 128;

export function readTransaction(reader: ProtoReader, maxOps: number, depth = 0): Transaction {
  if (depth > maxDepth) throw etcdError('tooManyOps');
  const compare: Compare[] = [];
  const success: Operation[] = [];
  const failure: Operation[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        compare.push(reader.message(readCompare));
        break;
      case 2:
        success.push(reader.message((inner) => readOperation(inner, maxOps, depth)));
        break;
      case 3:
        failure.push(reader.message((inner) => readOperation(inner, maxOps, depth)));
        break;
      default:
        reader.skip();
    }
  }
  return { compare, success, failure };
}

function readOperation(reader: ProtoReader, maxOps: number, depth: number): Operation {
  let operation: Operation | undefined;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        operation = reader.message((inner) => readRange(inner).operation);
        break;
      case 2:
        operation = reader.message(readPut);
        break;
      case 3:
        operation = reader.message(readDelete);
        break;
      case 4:
        operation = {
          type: 'transaction',
          transaction: reader.message((inner) => readTransaction(inner, maxOps, depth + 1)),
        };
        break;
      default:
        reader.skip();
    }
  }
  // etcd's answer to an operation that is none.
  if (!operation) throw etcdError('keyNotFound');
  return operation;
}

function readCompare(reader: ProtoReader): Compare {
  let operator: CompareOperator = '=';
  let target: (typeof compareTargets)[number] = 'version';
  let key = '';
  let rangeEnd = '';
  let number = 0;
  let lease = 0n;
  let value: Uint8Array = noBytes;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        operator = compareOperators[reader.number()] ?? '=';
        break;
      case 2:
        target = compareTargets[reader.number()] ?? 'version';
        break;
      case 3:
        key = reader.byteString();
        break;
      case 4:
      case 5:
      case 6:
        number = reader.number();
        break;
      case 7:
        value = reader.bytes();
        break;
      case 8:
        lease = reader.bigint();
        break;
      case 64:
        rangeEnd = reader.byteString();
        break;
      default:
        reader.skip();
    }
  }
  if (key === '') throw etcdError('emptyKey');
  const range = rangeOf(key, rangeEnd);
  if (target === 'value') return { ...range, target, operator, operand: value };
  if (target === 'lease') return { ...range, target, operator, operand: lease };
  return { ...range, target, operator, operand: number };
}

// --- answers ---

/** A KeyValue as field `field`. */
export function writeKeyValue(writer: ProtoWriter, field: number, item: KeyValue, withValue = true): void {
  const start = writer.open(field);
  writer.byteString(1, item.key);
  writer.number(2, item.createRevision);
  writer.number(3, item.modRevision);
  writer.number(4, item.version);
  if (withValue) writer.bytes(5, item.value);
  if (item.leaseId !== undefined) writer.bigint(6, item.leaseId);
  writer.close(start);
}

/** The fields of a RangeResponse behind its header. */
export function writeRangeAnswer(writer: ProtoWriter, answer: RangeAnswer): void {
  for (const item of answer.items) writeKeyValue(writer, 2, item);
  writer.bool(3, answer.more);
  writer.number(4, answer.count);
}

/** A header that has only a revision, as etcd puts it into the parts of a transaction's answer. */
function writeRevision(writer: ProtoWriter, revision: number): void {
  const start = writer.open(1);
  writer.number(3, revision);
  writer.close(start);
}

/**
 * The fields of a TxnResponse behind its header. `base` is the revision before the transaction; parts from the first write on tell the next.
 */
export function writeTransactionResults(
  writer: ProtoWriter,
  succeeded: boolean,
  results: readonly OperationResult[],
  progress: { readonly base: number; wrote: boolean },
): void {
  writer.bool(2, succeeded);
  for (const result of results) {
    const start = writer.open(3);
    const inner = writer.open({ range: 1, put: 2, delete: 3, transaction: 4 }[result.type]);
    if (result.type === 'put' || (result.type === 'delete' && result.deleted > 0)) progress.wrote = true;
    if (result.type === 'transaction') {
      writer.close(writer.open(1));
      writeTransactionResults(writer, result.succeeded, result.results, progress);
    } else {
      writeRevision(writer, progress.base + (progress.wrote ? 1 : 0));
      if (result.type === 'range') writeRangeAnswer(writer, result);
      else if (result.type === 'put') {
        if (result.previous) writeKeyValue(writer, 2, result.previous);
      } else {
        writer.number(2, result.deleted);
        for (const item of result.previous ?? []) writeKeyValue(writer, 3, item);
      }
    }
    writer.close(inner);
    writer.close(start);
  }
}

/** Whether anything of these results is a write. */
export function hasWritten(results: readonly OperationResult[]): boolean {
  return results.some(
    (result) =>
      result.type === 'put' ||
      (result.type === 'delete' && result.deleted > 0) ||
      (result.type === 'transaction' && hasWritten(result.results)),
  );
}

/** An Event as field 11 of a WatchResponse. */
export function writeEvent(writer: ProtoWriter, event: WatchEvent, withPrevious: boolean): void {
  const start = writer.open(11);
  const { current, previous } = event;
  if (event.type === 'put') writeKeyValue(writer, 2, current);
  else {
    writer.number(1, 1);
    const deleted = writer.open(2);
    writer.byteString(1, current.key);
    writer.number(3, current.modRevision);
    writer.close(deleted);
  }
  if (withPrevious && previous) writeKeyValue(writer, 3, previous);
  writer.close(start);
}

// --- watch requests ---

export type WatchCommand =
  | {
      readonly type: 'create';
      readonly range: KeyRange;
      readonly startRevision: number;
      readonly progressNotify: boolean;
      readonly filters: { readonly noPut: boolean; readonly noDelete: boolean };
      readonly previous: boolean;
      /** 0: the server chooses. */
      readonly watchId: number;
      readonly fragment: boolean;
    }
  | { readonly type: 'cancel'; readonly watchId: number }
  | { readonly type: 'progress' };

/** Undefined: something that this version does not know. */
export function readWatchCommand(bytes: Uint8Array): WatchCommand | undefined {
  const reader = new ProtoReader(bytes);
  let command: WatchCommand | undefined;
  while (reader.next()) {
    if (reader.field === 1) command = reader.message(readWatchCreate);
    else if (reader.field === 2) command = reader.message(readWatchCancel);
    else if (reader.field === 3) {
      reader.skip();
      command = { type: 'progress' };
    } else reader.skip();
  }
  return command;
}

function readWatchCreate(reader: ProtoReader): WatchCommand {
  let key = '';
  let rangeEnd = '';
  let startRevision = 0;
  let progressNotify = false;
  let previous = false;
  let watchId = 0;
  let fragment = false;
  const filters = { noPut: false, noDelete: false };
  const addFilter = (value: number): void => {
    if (value === 0) filters.noPut = true;
    else if (value === 1) filters.noDelete = true;
  };
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        key = reader.byteString();
        break;
      case 2:
        rangeEnd = reader.byteString();
        break;
      case 3:
        startRevision = reader.number();
        break;
      case 4:
        progressNotify = reader.bool();
        break;
      case 5:
        // Packed, as proto3 does, or one by one.
        if (reader.isBytes) for (const value of reader.bytes()) addFilter(value);
        else addFilter(reader.number());
        break;
      case 6:
        previous = reader.bool();
        break;
      case 7:
        watchId = reader.number();
        break;
      case 8:
        fragment = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  const range = rangeOf(key === '' ? '\0' : key, rangeEnd);
  return { type: 'create', range, startRevision, progressNotify, filters, previous, watchId, fragment };
}

function readWatchCancel(reader: ProtoReader): WatchCommand {
  let watchId = 0;
  while (reader.next()) {
    if (reader.field === 1) watchId = reader.number();
    else reader.skip();
  }
  return { type: 'cancel', watchId };
}
