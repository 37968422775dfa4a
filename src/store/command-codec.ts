/**
 * Commands as bytes. Every replica reads what any other wrote, so the first byte is the format's version: the lowest that has all that the command
 * needs, so that members that were not upgraded yet can read what they have always been able to do.
 *
 *   command      = 0x01 | 0x02  kind fence body
 *   kind         = 0x01 transaction | 0x02 compaction
 *                | since format 2: 0x03 grant | 0x04 revoke | 0x05 keep-alive | 0x06 expiry | 0x07 checkpoint | 0x08 hash mark
 *   fence        = 0x00 | 0x01 term
 *   transaction  = count compare* count operation* count operation*          (compares, success, failure)
 *   compare      = target operator range operand                             target: 0 version 1 createRevision 2 modRevision 3 value
 *                                                                              since format 2: 4 lease
 *                                                                            operator: 0 =  1 !=  2 <  3 >
 *   operand      = number; bytes when the target is value, id when it is lease
 *   operation    = 0x00 | 0x01 (with previous)  key value                    put
 *                | 0x02 | 0x03 (with previous)  range                        delete
 *                | 0x04 limit range                                          range
 *                | since format 2:
 *                  0x05 flags key value [id]                                 put; flags: 1 previous, 2 has a lease, 4 ignoreValue, 8 ignoreLease
 *                | 0x06 flags limit range [revision] [target order] [minMod] [maxMod] [minCreate] [maxCreate]
 *                                                                            range; flags: 1 revision, 2 sort, 4 keysOnly, 8 countOnly,
 *                                                                            16 to 128 the bounds in this order
 *                | 0x07 transaction                                          nested
 *   range        = 0x00 key | 0x01 key end
 *   compaction   = revision key [units]                                      (key: where to go on; units: since format 2)
 *   grant        = id seconds
 *   revoke       = id
 *   keep-alive   = count id*
 *   expiry       = count (id renewals)*
 *   checkpoint   = count (id renewals milliseconds)*
 *   hash mark    = nothing
 *   id           = 8 bytes, two's complement, big-endian
 *
 * Numbers, keys and byte strings as in `bytes.ts`. There is one encoding of a command: a reader refuses every other.
 */
import { ByteReader, ByteWriter } from './bytes.ts';
import { type Command, checkTransaction } from './command.ts';
import { maxCommandBytes, maxLeasesPerCommand, maxTransactionDepth, maxTransactionItems } from './limits.ts';
import type {
  Compare,
  CompareOperator,
  KeyRange,
  Operation,
  PutOperation,
  RangeOperation,
  SortOrder,
  Transaction,
} from './types.ts';
import { StoreError } from './types.ts';

const newestFormat = 2;
const kinds = [
  'transaction',
  'compact',
  'lease-grant',
  'lease-revoke',
  'lease-keep-alive',
  'lease-expire',
  'lease-checkpoint',
  'hash-mark',
] as const satisfies readonly Command['type'][];
const targets = ['version', 'createRevision', 'modRevision', 'value', 'lease'] as const;
const operators = ['=', '!=', '<', '>'] as const satisfies readonly CompareOperator[];
const sortTargets = ['key', 'version', 'createRevision', 'modRevision', 'value'] as const;
const sortOrders = ['none', 'ascend', 'descend'] as const;
const bounds = ['minModRevision', 'maxModRevision', 'minCreateRevision', 'maxCreateRevision'] as const;

class CommandWriter extends ByteWriter {
  format = 1;
}

class CommandReader extends ByteReader {
  /** What the command says, and what it was found to need. */
  format = 0;
  needed = 1;
  depth = 0;
}

/** @throws StoreError invalid, too-large, too-many-operations, duplicate-key */
export function encodeCommand(command: Command): Uint8Array {
  const writer = new CommandWriter(command.type === 'transaction' ? sizeHint(command.transaction) : 64);
  const kind = kinds.indexOf(command.type) + 1;
  if (kind > 2) writer.format = 2;
  writer.byte(0);
  writer.byte(kind);
  if (command.fenceTerm === undefined) writer.byte(0);
  else {
    writer.byte(1);
    writer.number(command.fenceTerm);
  }
  writeBody(writer, command);
  if (writer.length > maxCommandBytes)
    throw new StoreError('too-large', `a command of ${writer.length} bytes; the limit is ${maxCommandBytes}`);
  const bytes = writer.finish();
  bytes[0] = writer.format;
  return bytes;
}

/** Values are parts of `bytes`: who keeps one copies it. @throws StoreError invalid, too-large, too-many-operations, duplicate-key */
export function decodeCommand(bytes: Uint8Array): Command {
  if (bytes.length > maxCommandBytes) throw new StoreError('too-large', `a command of ${bytes.length} bytes`);
  const reader = new CommandReader(bytes);
  reader.format = reader.byte();
  if (reader.format < 1 || reader.format > newestFormat)
    reader.fail(`a command of format ${reader.format}; this program knows up to ${newestFormat}: upgrade this member`);
  const kind = kinds[reader.byte() - 1] ?? reader.fail('an unknown kind of command');
  const fenceTerm = flag(reader) ? reader.number() : undefined;
  const command = readBody(reader, kind, fenceTerm);
  if (!reader.atEnd) reader.fail('bytes after the end of the command');
  if (reader.needed !== reader.format) reader.fail(`format ${reader.format} where ${reader.needed} would do`);
  return command;
}

function writeBody(writer: CommandWriter, command: Command): void {
  switch (command.type) {
    case 'transaction':
      checkTransaction(command.transaction);
      writeTransaction(writer, command.transaction);
      break;
    case 'compact':
      writer.number(command.revision);
      writer.string(command.fromKey);
      if (command.maxUnits === undefined) break;
      writer.format = 2;
      writer.number(command.maxUnits);
      break;
    case 'lease-grant':
      writer.int64(command.id);
      writer.number(command.ttlSeconds);
      break;
    case 'lease-revoke':
      writer.int64(command.id);
      break;
    case 'lease-keep-alive':
      writeLeases(writer, command.ids, (id) => writer.int64(id));
      break;
    case 'lease-expire':
      writeLeases(writer, command.leases, ({ id, renewals }) => {
        writer.int64(id);
        writer.number(renewals);
      });
      break;
    case 'lease-checkpoint':
      writeLeases(writer, command.leases, ({ id, renewals, remainingMs }) => {
        writer.int64(id);
        writer.number(renewals);
        writer.number(remainingMs);
      });
      break;
    case 'hash-mark':
      break;
  }
}

function readBody(reader: CommandReader, type: Command['type'], fenceTerm: number | undefined): Command {
  if (type !== 'transaction' && type !== 'compact') need(reader, 2);
  switch (type) {
    case 'transaction': {
      const transaction = readTransaction(reader);
      checkTransaction(transaction);
      return { type, fenceTerm, transaction };
    }
    case 'compact': {
      const compaction = { type, fenceTerm, revision: reader.number(), fromKey: reader.string() } as const;
      if (reader.format === 1) return compaction;
      need(reader, 2);
      return { ...compaction, maxUnits: reader.number() };
    }
    case 'lease-grant':
      return { type, fenceTerm, id: reader.int64(), ttlSeconds: reader.number() };
    case 'lease-revoke':
      return { type, fenceTerm, id: reader.int64() };
    case 'lease-keep-alive':
      return { type, fenceTerm, ids: readList(reader, maxLeasesPerCommand, () => reader.int64()) };
    case 'lease-expire': {
      const leases = readList(reader, maxLeasesPerCommand, () => ({ id: reader.int64(), renewals: reader.number() }));
      return { type, fenceTerm, leases };
    }
    case 'lease-checkpoint': {
      const leases = readList(reader, maxLeasesPerCommand, () => ({
        id: reader.int64(),
        renewals: reader.number(),
        remainingMs: reader.number(),
      }));
      return { type, fenceTerm, leases };
    }
    case 'hash-mark':
      return { type, fenceTerm };
  }
}

/** Says that what was just read exists since `format`. */
function need(reader: CommandReader, format: number): void {
  if (format > reader.format) reader.fail(`something of format ${format} in a command of format ${reader.format}`);
  reader.needed = Math.max(reader.needed, format);
}

function sizeHint(transaction: Transaction): number {
  let size = 64;
  for (const item of transaction.compare) size += item.key.length + 24;
  for (const operations of [transaction.success, transaction.failure ?? []]) {
    for (const operation of operations)
      size +=
        operation.type === 'transaction'
          ? sizeHint(operation.transaction)
          : operation.key.length + 24 + (operation.type === 'put' ? operation.value.length : 0);
  }
  return Math.min(size, maxCommandBytes);
}

function writeTransaction(writer: CommandWriter, { compare, success, failure = [] }: Transaction): void {
  writer.number(compare.length);
  for (const item of compare) writeCompare(writer, item);
  writer.number(success.length);
  for (const operation of success) writeOperation(writer, operation);
  writer.number(failure.length);
  for (const operation of failure) writeOperation(writer, operation);
}

function readTransaction(reader: CommandReader): Transaction {
  if (++reader.depth > maxTransactionDepth) reader.fail(`transactions nested deeper than ${maxTransactionDepth}`);
  const compare = readList(reader, maxTransactionItems, readCompare);
  const success = readList(reader, maxTransactionItems, readOperation);
  const failure = readList(reader, maxTransactionItems, readOperation);
  reader.depth--;
  return { compare, success, failure };
}

function writeCompare(writer: CommandWriter, compare: Compare): void {
  writer.byte(targets.indexOf(compare.target));
  writer.byte(operators.indexOf(compare.operator));
  writeRange(writer, compare);
  if (compare.target === 'value') writer.bytes(compare.operand);
  else if (compare.target === 'lease') {
    writer.format = 2;
    writer.int64(compare.operand);
  } else writer.number(compare.operand);
}

function readCompare(reader: CommandReader): Compare {
  const target = targets[reader.byte()] ?? reader.fail('an unknown target of a compare');
  const operator = operators[reader.byte()] ?? reader.fail('an unknown operator of a compare');
  const range = readRange(reader);
  if (target === 'value') return { ...range, target, operator, operand: reader.view() };
  if (target !== 'lease') return { ...range, target, operator, operand: reader.number() };
  need(reader, 2);
  return { ...range, target, operator, operand: reader.int64() };
}

function writeOperation(writer: CommandWriter, operation: Operation): void {
  switch (operation.type) {
    case 'put':
      writePut(writer, operation);
      break;
    case 'delete':
      writer.byte(operation.previous ? 3 : 2);
      writeRange(writer, operation);
      break;
    case 'range':
      writeRangeOperation(writer, operation);
      break;
    case 'transaction':
      writer.format = 2;
      writer.byte(7);
      writeTransaction(writer, operation.transaction);
  }
}

function readOperation(reader: CommandReader): Operation {
  const tag = reader.byte();
  if (tag <= 1) return { type: 'put', key: reader.string(), value: reader.view(), previous: tag === 1 };
  if (tag <= 3) return { type: 'delete', previous: tag === 3, ...readRange(reader) };
  if (tag === 4) return { type: 'range', limit: reader.number(), ...readRange(reader) };
  if (tag > 7) reader.fail(`an operation of kind ${tag}`);
  need(reader, 2);
  if (tag === 5) return readPut(reader);
  if (tag === 6) return readRangeOperation(reader);
  return { type: 'transaction', transaction: readTransaction(reader) };
}

function writePut(writer: CommandWriter, put: PutOperation): void {
  const { key, value, leaseId } = put;
  const flags = (put.previous ? 1 : 0) | (leaseId ? 2 : 0) | (put.ignoreValue ? 4 : 0) | (put.ignoreLease ? 8 : 0);
  if (flags <= 1) writer.byte(flags);
  else {
    writer.format = 2;
    writer.byte(5);
    writer.byte(flags);
  }
  writer.string(key);
  writer.bytes(value);
  if (leaseId) writer.int64(leaseId);
}

function readPut(reader: CommandReader): PutOperation {
  const flags = reader.byte();
  if (flags <= 1 || flags > 15) reader.fail(`flags ${flags} of a put`);
  const key = reader.string();
  const value = reader.view();
  const leaseId = flags & 2 ? reader.int64() : undefined;
  if (leaseId === 0n) reader.fail('a lease with the id 0');
  return {
    type: 'put',
    key,
    value,
    leaseId,
    previous: (flags & 1) !== 0,
    ignoreValue: (flags & 4) !== 0,
    ignoreLease: (flags & 8) !== 0,
  };
}

function writeRangeOperation(writer: CommandWriter, range: RangeOperation): void {
  const { limit = 0, revision, sort } = range;
  const sorted = sort && (sort.target !== 'key' || sort.order !== 'none') ? sort : undefined;
  let flags = (revision ? 1 : 0) | (sorted ? 2 : 0) | (range.keysOnly ? 4 : 0) | (range.countOnly ? 8 : 0);
  for (const [i, bound] of bounds.entries()) if (range[bound]) flags |= 16 << i;
  if (flags === 0) writer.byte(4);
  else {
    writer.format = 2;
    writer.byte(6);
    writer.byte(flags);
  }
  writer.number(limit);
  writeRange(writer, range);
  if (revision) writer.number(revision);
  if (sorted) {
    writer.byte(sortTargets.indexOf(sorted.target));
    writer.byte(sortOrders.indexOf(sorted.order));
  }
  for (const bound of bounds) if (range[bound]) writer.number(range[bound]);
}

function readRangeOperation(reader: CommandReader): RangeOperation {
  const flags = reader.byte();
  if (flags === 0) reader.fail('a range of the wrong kind');
  const limit = reader.number();
  const range = readRange(reader);
  const revision = flags & 1 ? present(reader) : undefined;
  const sort = flags & 2 ? readSort(reader) : undefined;
  const [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision] = bounds.map((_, i) =>
    flags & (16 << i) ? present(reader) : undefined,
  );
  return {
    type: 'range',
    ...range,
    limit,
    revision,
    sort,
    keysOnly: (flags & 4) !== 0,
    countOnly: (flags & 8) !== 0,
    minModRevision,
    maxModRevision,
    minCreateRevision,
    maxCreateRevision,
  };
}

function readSort(reader: CommandReader): SortOrder {
  const target = sortTargets[reader.byte()] ?? reader.fail('an unknown target of a sort');
  const order = sortOrders[reader.byte()] ?? reader.fail('an unknown order of a sort');
  if (target === 'key' && order === 'none') reader.fail('a sort that does not sort');
  return { target, order };
}

/** A number that is only there because it is not 0. */
function present(reader: CommandReader): number {
  return reader.number() || reader.fail('a 0 that stands for nothing');
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

function writeLeases<T>(writer: ByteWriter, leases: readonly T[], write: (lease: T) => void): void {
  if (leases.length > maxLeasesPerCommand)
    throw new StoreError(
      'too-many-operations',
      `${leases.length} leases in a command; the limit is ${maxLeasesPerCommand}`,
    );
  writer.number(leases.length);
  for (const lease of leases) write(lease);
}

function readList<R extends ByteReader, T>(reader: R, limit: number, read: (reader: R) => T): T[] {
  const count = reader.count(limit);
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read(reader));
  return items;
}
