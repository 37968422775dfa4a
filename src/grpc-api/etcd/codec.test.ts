/** The codec written by hand, held against the generated one. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  Compare_CompareResult as CompareResult,
  CompareSchema,
  Compare_CompareTarget as CompareTarget,
  DeleteRangeRequestSchema,
  PutRequestSchema,
  RangeRequestSchema,
  RangeResponseSchema,
  RequestOpSchema,
  type RangeRequest_SortOrder as SortOrder,
  type RangeRequest_SortTarget as SortTarget,
  TxnRequestSchema,
  TxnResponseSchema,
  WatchRequestSchema,
  WatchResponseSchema,
} from '../../gen/etcd/etcdserverpb/rpc_pb.ts';
import { KeyValueSchema } from '../../gen/etcd/mvccpb/kv_pb.ts';
import { ProtoReader, ProtoWriter } from '../../lib/lean-grpc/index.ts';
import type { KeyValue, OperationResult } from '../../store/types.ts';
import {
  readDelete,
  readPut,
  readRange,
  readTransaction,
  readWatchCommand,
  writeEvent,
  writeKeyValue,
  writeRangeAnswer,
  writeTransactionResults,
} from './codec.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const bytesOf = (key: string) => Uint8Array.from(Buffer.from(key, 'latin1'));
const key = fc.uint8Array({ minLength: 1, maxLength: 40 });
const bytes = fc.uint8Array({ maxLength: 400 });
const number = fc.oneof(fc.constant(0), fc.nat(300), fc.maxSafeNat());
const lease = fc.oneof(fc.constant(0n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
const positive = (value: number) => (value > 0 ? value : undefined);
const endOf = (end: Uint8Array) => (end.length === 0 ? undefined : text(end) === '\0' ? '' : text(end));

test('puts', () => {
  fc.assert(
    fc.property(key, bytes, lease, fc.boolean(), (key, value, leaseId, previous) => {
      const request = create(PutRequestSchema, { key, value, lease: leaseId, prevKv: previous });
      const put = readPut(new ProtoReader(toBinary(PutRequestSchema, request)));
      expect({ ...put, value: Buffer.from(put.value) }).toEqual({
        type: 'put',
        key: text(key),
        value: Buffer.from(value),
        leaseId: leaseId === 0n ? undefined : leaseId,
        previous,
        ignoreValue: false,
        ignoreLease: false,
      });
    }),
  );
});

test('ranges', () => {
  const end = fc.oneof(fc.constant(Uint8Array.of()), fc.constant(Uint8Array.of(0)), key);
  const flags = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean());
  const bounds = fc.tuple(number, number, number, number);
  fc.assert(
    fc.property(
      key,
      end,
      number,
      number,
      fc.nat(2),
      fc.nat(4),
      flags,
      bounds,
      (key, rangeEnd, limit, revision, order, target, flags, bounds) => {
        const [serializable, keysOnly, countOnly] = flags;
        const request = create(RangeRequestSchema, {
          key,
          rangeEnd,
          limit: BigInt(limit),
          revision: BigInt(revision),
          sortOrder: order as SortOrder,
          sortTarget: target as SortTarget,
          serializable,
          keysOnly,
          countOnly,
          minModRevision: BigInt(bounds[0]),
          maxModRevision: BigInt(bounds[1]),
          minCreateRevision: BigInt(bounds[2]),
          maxCreateRevision: BigInt(bounds[3]),
        });
        const read = readRange(new ProtoReader(toBinary(RangeRequestSchema, request)));
        expect(read.serializable).toBe(serializable);
        expect(read.operation).toEqual({
          type: 'range',
          key: text(key),
          end: endOf(rangeEnd),
          limit: positive(limit),
          revision: positive(revision),
          sort:
            order === 0 && target === 0
              ? undefined
              : {
                  order: ['none', 'ascend', 'descend'][order],
                  target: ['key', 'version', 'createRevision', 'modRevision', 'value'][target],
                },
          keysOnly,
          countOnly,
          ...(bounds[0] > 0 && { minModRevision: bounds[0] }),
          ...(bounds[1] > 0 && { maxModRevision: bounds[1] }),
          ...(bounds[2] > 0 && { minCreateRevision: bounds[2] }),
          ...(bounds[3] > 0 && { maxCreateRevision: bounds[3] }),
        });
      },
    ),
  );
});

test('transactions, nested ones included', () => {
  const request = create(TxnRequestSchema, {
    compare: [
      {
        key: bytesOf('a'),
        result: CompareResult.NOT_EQUAL,
        target: CompareTarget.MOD,
        targetUnion: { case: 'modRevision', value: 7n },
      },
      {
        key: bytesOf('b'),
        rangeEnd: bytesOf('c'),
        result: CompareResult.LESS,
        target: CompareTarget.LEASE,
        targetUnion: { case: 'lease', value: -1n },
      },
      {
        key: bytesOf('v'),
        result: CompareResult.GREATER,
        target: CompareTarget.VALUE,
        targetUnion: { case: 'value', value: bytesOf('x') },
      },
    ],
    success: [
      { request: { case: 'requestPut', value: { key: bytesOf('k'), value: bytesOf('1') } } },
      {
        request: {
          case: 'requestTxn',
          value: { success: [{ request: { case: 'requestRange', value: { key: bytesOf('r') } } }] },
        },
      },
    ],
    failure: [
      { request: { case: 'requestDeleteRange', value: { key: bytesOf('d'), rangeEnd: bytesOf('\0'), prevKv: true } } },
    ],
  });
  const read = readTransaction(new ProtoReader(toBinary(TxnRequestSchema, request)), 128);
  expect(read.compare).toEqual([
    { key: 'a', target: 'modRevision', operator: '!=', operand: 7 },
    { key: 'b', end: 'c', target: 'lease', operator: '<', operand: -1n },
    { key: 'v', target: 'value', operator: '>', operand: Buffer.from('x') },
  ]);
  expect(read.success.map((operation) => operation.type)).toEqual(['put', 'transaction']);
  expect(read.success[1]).toMatchObject({ transaction: { success: [{ type: 'range', key: 'r' }] } });
  expect(read.failure).toEqual([{ type: 'delete', key: 'd', end: '', previous: true }]);
});

test.each([
  [
    'no key in a put',
    () => readPut(new ProtoReader(toBinary(PutRequestSchema, create(PutRequestSchema)))),
    'key is not provided',
  ],
  [
    'no key in a delete',
    () => readDelete(new ProtoReader(toBinary(DeleteRangeRequestSchema, create(DeleteRangeRequestSchema)))),
    'key is not provided',
  ],
  [
    'no key in a compare',
    () =>
      readTransaction(
        new ProtoReader(toBinary(TxnRequestSchema, create(TxnRequestSchema, { compare: [create(CompareSchema)] }))),
        128,
      ),
    'key is not provided',
  ],
  [
    'an operation that is none',
    () =>
      readTransaction(
        new ProtoReader(toBinary(TxnRequestSchema, create(TxnRequestSchema, { success: [create(RequestOpSchema)] }))),
        128,
      ),
    'key not found',
  ],
  [
    'a value that is to be ignored',
    () =>
      readPut(
        new ProtoReader(
          toBinary(
            PutRequestSchema,
            create(PutRequestSchema, { key: bytesOf('a'), value: bytesOf('b'), ignoreValue: true }),
          ),
        ),
      ),
    'value is provided',
  ],
  [
    'an unknown order',
    () =>
      readRange(
        new ProtoReader(
          toBinary(RangeRequestSchema, create(RangeRequestSchema, { key: bytesOf('a'), sortOrder: 9 as SortOrder })),
        ),
      ),
    'invalid sort option',
  ],
  [
    'bytes that are no message',
    () => readPut(new ProtoReader(Buffer.from([0x0a, 0x50, 1]))),
    'not the protobuf message',
  ],
])('%s is refused', (_what, read, message) => {
  expect(read).toThrow(message);
});

test('any bytes are read or refused, never worse', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const read of [readPut, readRange, readDelete, (reader: ProtoReader) => readTransaction(reader, 128)]) {
        try {
          read(new ProtoReader(bytes));
        } catch (error) {
          expect((error as Error).name).toBe('GrpcError');
        }
      }
    }),
    { numRuns: 500 },
  );
});

const keyValue: fc.Arbitrary<KeyValue> = fc.record({
  key: key.map(text),
  value: bytes,
  createRevision: number,
  modRevision: number,
  version: number,
  leaseId: fc.option(
    lease.filter((id) => id !== 0n),
    { nil: undefined },
  ),
});
const message = (item: KeyValue) =>
  create(KeyValueSchema, {
    key: bytesOf(item.key),
    value: Uint8Array.from(item.value),
    createRevision: BigInt(item.createRevision),
    modRevision: BigInt(item.modRevision),
    version: BigInt(item.version),
    lease: item.leaseId ?? 0n,
  });

test('range answers', () => {
  const writer = new ProtoWriter();
  fc.assert(
    fc.property(fc.array(keyValue, { maxLength: 5 }), fc.boolean(), number, (items, more, count) => {
      writeRangeAnswer(writer.begin(), { items, more, count });
      const read = fromBinary(RangeResponseSchema, Uint8Array.from(writer.finish()));
      expect(read).toEqual(create(RangeResponseSchema, { kvs: items.map(message), more, count: BigInt(count) }));
    }),
  );
});

test('a large value needs a length of several bytes', () => {
  const item: KeyValue = { key: 'k', value: Buffer.alloc(300_000, 1), createRevision: 1, modRevision: 2, version: 3 };
  const writer = new ProtoWriter().begin();
  writeKeyValue(writer, 2, item);
  expect(fromBinary(RangeResponseSchema, Uint8Array.from(writer.finish())).kvs[0]!.value.length).toBe(300_000);
});

test('events', () => {
  const writer = new ProtoWriter();
  fc.assert(
    fc.property(
      keyValue,
      fc.option(keyValue, { nil: undefined }),
      fc.boolean(),
      fc.boolean(),
      (current, previous, isPut, withPrevious) => {
        writeEvent(writer.begin(), { type: isPut ? 'put' : 'delete', current, previous }, withPrevious);
        const [event] = fromBinary(WatchResponseSchema, Uint8Array.from(writer.finish())).events;
        expect([event!.type, event!.prevKv]).toEqual([
          isPut ? 0 : 1,
          withPrevious && previous ? message(previous) : undefined,
        ]);
        if (isPut) expect(event!.kv).toEqual(message(current));
        else
          expect(event!.kv).toEqual(
            create(KeyValueSchema, { key: bytesOf(current.key), modRevision: BigInt(current.modRevision) }),
          );
      },
    ),
  );
});

test('results of a transaction tell the revision that each part saw', () => {
  const results: OperationResult[] = [
    { type: 'range', items: [], more: false, count: 0 },
    { type: 'delete', deleted: 0 },
    { type: 'put' },
    { type: 'transaction', succeeded: true, results: [{ type: 'range', items: [], more: false, count: 3 }] },
    { type: 'delete', deleted: 2 },
  ];
  const writer = new ProtoWriter().begin();
  writeTransactionResults(writer, true, results, { base: 10, wrote: false });
  const read = fromBinary(TxnResponseSchema, Uint8Array.from(writer.finish()));
  const revisions = read.responses.map(({ response }) =>
    Number((response.value as { header?: { revision: bigint } }).header?.revision),
  );
  expect(revisions).toEqual([10, 10, 11, 0, 11]);
  expect(read.succeeded).toBe(true);
});

test('watch commands', () => {
  const read = (init: Parameters<typeof create<typeof WatchRequestSchema>>[1]) =>
    readWatchCommand(toBinary(WatchRequestSchema, create(WatchRequestSchema, init)));
  expect(
    read({
      requestUnion: {
        case: 'createRequest',
        value: {
          key: bytesOf('a'),
          rangeEnd: bytesOf('b'),
          startRevision: -3n,
          filters: [1, 0],
          prevKv: true,
          watchId: 9n,
          fragment: true,
          progressNotify: true,
        },
      },
    }),
  ).toEqual({
    type: 'create',
    range: { key: 'a', end: 'b' },
    startRevision: -3,
    progressNotify: true,
    filters: { noPut: true, noDelete: true },
    previous: true,
    watchId: 9,
    fragment: true,
  });
  expect(read({ requestUnion: { case: 'createRequest', value: { rangeEnd: bytesOf('\0') } } })).toMatchObject({
    range: { key: '\0', end: '' },
  });
  expect(read({ requestUnion: { case: 'cancelRequest', value: { watchId: 4n } } })).toEqual({
    type: 'cancel',
    watchId: 4,
  });
  expect(read({ requestUnion: { case: 'progressRequest', value: {} } })).toEqual({ type: 'progress' });
  expect(read({})).toBeUndefined();
});
