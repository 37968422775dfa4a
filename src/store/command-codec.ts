/**
 * Commands as bytes. Every replica reads what any other wrote, so the first byte is the format's version.
 *
 *   command      = 0x01 kind fence body
 *   kind         = 0x01 transaction | 0x02 compaction
 *   fence        = 0x00 | 0x01 term
 *   transaction  = count compare* count operation* count operation*          (compares, success, failure)
 *   compare      = target operator range operand                             target: 0 version 1 createRevision 2 modRevision 3 value
 *                                                                            operator: 0 =  1 !=  2 <  3 >
 *   operand      = number, or bytes when the target is value
 *   operation    = 0x00 | 0x01 (with previous)  key value                    put
 *                | 0x02 | 0x03 (with previous)  range                        delete
 *                | 0x04 limit range                                          range
 *   range        = 0x00 key | 0x01 key end
 *   compaction   = revision key                                              (key: where to go on)
 *
 * Numbers, keys and byte strings as in `bytes.ts`.
 */
import { ByteReader, ByteWriter } from './bytes.ts';
import { type Command, checkTransaction } from './command.ts';
import { maxCommandBytes, maxTransactionItems } from './limits.ts';
import type { Compare, CompareOperator, KeyRange, Operation, Transaction } from './types.ts';
import { StoreError } from './types.ts';

const formatVersion = 1;
const targets = ['version', 'createRevision', 'modRevision', 'value'] as const;
const operators = ['=', '!=', '<', '>'] as const satisfies readonly CompareOperator[];

/** @throws StoreError invalid, too-large */
export function encodeCommand(command: Command): Uint8Array {
  const writer = new ByteWriter(command.type === 'transaction' ? sizeHint(command.transaction) : 64);
  writer.byte(formatVersion);
  writer.byte(command.type === 'transaction' ? 1 : 2);
  if (command.fenceTerm === undefined) writer.byte(0);
  else {
    writer.byte(1);
    writer.number(command.fenceTerm);
  }
  if (command.type === 'transaction') {
    const { compare, success, failure = [] } = command.transaction;
    checkTransaction(command.transaction);
    writer.number(compare.length);
    for (const item of compare) writeCompare(writer, item);
    writer.number(success.length);
    for (const operation of success) writeOperation(writer, operation);
    writer.number(failure.length);
    for (const operation of failure) writeOperation(writer, operation);
  } else {
    writer.number(command.revision);
    writer.string(command.fromKey);
  }
  if (writer.length > maxCommandBytes)
    throw new StoreError('too-large', `a command of ${writer.length} bytes; the limit is ${maxCommandBytes}`);
  return writer.finish();
}

/** @throws StoreError invalid, too-large */
export function decodeCommand(bytes: Uint8Array): Command {
  if (bytes.length > maxCommandBytes) throw new StoreError('too-large', `a command of ${bytes.length} bytes`);
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== formatVersion) reader.fail(`a command of format ${version}; this program knows ${formatVersion}`);
  const kind = reader.byte();
  const fenceTerm = flag(reader) ? reader.number() : undefined;
  let command: Command;
  if (kind === 1) {
    const transaction = {
      compare: readList(reader, readCompare),
      success: readList(reader, readOperation),
      failure: readList(reader, readOperation),
    };
    checkTransaction(transaction);
    command = { type: 'transaction', fenceTerm, transaction };
  } else if (kind === 2) {
    command = { type: 'compact', fenceTerm, revision: reader.number(), fromKey: reader.string() };
  } else return reader.fail(`a command of kind ${kind}`);
  if (!reader.atEnd) reader.fail('bytes after the end of the command');
  return command;
}

function sizeHint(transaction: Transaction): number {
  let size = 64;
  for (const item of transaction.compare) size += item.key.length + 24;
  for (const operations of [transaction.success, transaction.failure ?? []]) {
    for (const operation of operations)
      size += operation.key.length + 24 + (operation.type === 'put' ? operation.value.length : 0);
  }
  return Math.min(size, maxCommandBytes);
}

function writeCompare(writer: ByteWriter, compare: Compare): void {
  writer.byte(targets.indexOf(compare.target));
  writer.byte(operators.indexOf(compare.operator));
  writeRange(writer, compare);
  if (compare.target === 'value') writer.bytes(compare.operand);
  else writer.number(compare.operand);
}

function readCompare(reader: ByteReader): Compare {
  const target = targets[reader.byte()] ?? reader.fail('an unknown target of a compare');
  const operator = operators[reader.byte()] ?? reader.fail('an unknown operator of a compare');
  const range = readRange(reader);
  return target === 'value'
    ? { ...range, target, operator, operand: reader.bytes() }
    : { ...range, target, operator, operand: reader.number() };
}

function writeOperation(writer: ByteWriter, operation: Operation): void {
  if (operation.type === 'put') {
    writer.byte(operation.previous ? 1 : 0);
    writer.string(operation.key);
    writer.bytes(operation.value);
  } else if (operation.type === 'delete') {
    writer.byte(operation.previous ? 3 : 2);
    writeRange(writer, operation);
  } else {
    writer.byte(4);
    writer.number(operation.limit ?? 0);
    writeRange(writer, operation);
  }
}

function readOperation(reader: ByteReader): Operation {
  const tag = reader.byte();
  if (tag <= 1) return { type: 'put', key: reader.string(), value: reader.bytes(), previous: tag === 1 };
  if (tag <= 3) return { type: 'delete', previous: tag === 3, ...readRange(reader) };
  if (tag === 4) return { type: 'range', limit: reader.number(), ...readRange(reader) };
  return reader.fail(`an operation of kind ${tag}`);
}

function writeRange(writer: ByteWriter, range: KeyRange): void {
  writer.byte(range.end === undefined ? 0 : 1);
  writer.string(range.key);
  if (range.end !== undefined) writer.string(range.end);
}

function readRange(reader: ByteReader): KeyRange {
  return flag(reader) ? { key: reader.string(), end: reader.string() } : { key: reader.string() };
}

function flag(reader: ByteReader): boolean {
  const byte = reader.byte();
  if (byte > 1) reader.fail(`${byte} where 0 or 1 belongs`);
  return byte === 1;
}

function readList<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  const count = reader.count(maxTransactionItems);
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read(reader));
  return items;
}
