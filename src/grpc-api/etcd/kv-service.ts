/** etcdserverpb.KV. */
import { CompactionRequestSchema, CompactionResponseSchema } from '../../gen/etcd/etcdserverpb/rpc_pb.ts';
import { type Call, type Method, ProtoReader, ProtoWriter } from '../../lib/lean-grpc/index.ts';
import type { OperationResult, Store, TransactionResult } from '../../store/types.ts';
import { checkTransaction } from './check-transaction.ts';
import {
  hasWritten,
  readDelete,
  readPut,
  readRange,
  readTransaction,
  writeKeyValue,
  writeRangeAnswer,
  writeTransactionResults,
} from './codec.ts';
import { etcdError, toEtcdError } from './errors.ts';
import type { HeaderSource } from './header.ts';
import { maxRequestBytes, maxTransactionOps } from './limits.ts';
import { refuseProtectedRange, refuseProtectedTransaction } from './protected-keys.ts';
import type { ReadGate } from './read-gate.ts';
import { unary } from './unary.ts';

const noCompares = [] as const;

export function kvMethods(store: Store, header: HeaderSource, gate: ReadGate): [string, Method][] {
  const writer = new ProtoWriter();

  const range = (bytes: Uint8Array, call: Call): void => {
    const { operation, serializable } = readRange(new ProtoReader(bytes));
    const answer = (): void => {
      if (call.ended) return;
      try {
        const result = store.range(operation);
        header.write(writer.begin(), store.revision);
        writeRangeAnswer(writer, result);
        call.reply(writer.finish());
      } catch (error) {
        call.failWith(toEtcdError(error));
      }
    };
    if (serializable) answer();
    else gate.enter((error) => (error === undefined ? answer() : call.failWith(toEtcdError(error))));
  };

  /** Proposes one operation and answers with what `write` makes of its result. */
  const write = (
    bytes: Uint8Array,
    call: Call,
    transaction: Parameters<Store['transact']>[0],
    writeResult: (result: TransactionResult) => void,
  ): void => {
    if (bytes.length > maxRequestBytes) throw etcdError('tooLarge');
    store.submit(transaction, (error, result) => {
      if (!result) {
        call.failWith(toEtcdError(error));
        return;
      }
      if (call.ended) return;
      header.write(writer.begin(), result.revision);
      writeResult(result);
      call.reply(writer.finish());
    });
  };

  const put = (bytes: Uint8Array, call: Call): void => {
    const operation = readPut(new ProtoReader(bytes));
    refuseProtectedRange({ key: operation.key });
    write(bytes, call, { compare: noCompares, success: [operation] }, ({ results }) => {
      const { previous } = results[0] as Extract<OperationResult, { type: 'put' }>;
      if (previous) writeKeyValue(writer, 2, previous);
    });
  };

  const deleteRange = (bytes: Uint8Array, call: Call): void => {
    const operation = readDelete(new ProtoReader(bytes));
    refuseProtectedRange(operation);
    write(bytes, call, { compare: noCompares, success: [operation] }, ({ results }) => {
      const result = results[0] as Extract<OperationResult, { type: 'delete' }>;
      writer.number(2, result.deleted);
      for (const item of result.previous ?? []) writeKeyValue(writer, 3, item);
    });
  };

  const transact = (bytes: Uint8Array, call: Call): void => {
    const transaction = readTransaction(new ProtoReader(bytes), maxTransactionOps);
    checkTransaction(transaction);
    refuseProtectedTransaction(transaction);
    write(bytes, call, transaction, ({ succeeded, revision, results }) => {
      const base = hasWritten(results) ? revision - 1 : revision;
      writeTransactionResults(writer, succeeded, results, { base, wrote: false });
    });
  };

  return [
    ['/etcdserverpb.KV/Range', { kind: 'unary', handle: range }],
    ['/etcdserverpb.KV/Put', { kind: 'unary', handle: put }],
    ['/etcdserverpb.KV/DeleteRange', { kind: 'unary', handle: deleteRange }],
    ['/etcdserverpb.KV/Txn', { kind: 'unary', handle: transact }],
    [
      '/etcdserverpb.KV/Compact',
      // Memory is always free when `compact` has resolved: `physical` asks for nothing more.
      unary(CompactionRequestSchema, CompactionResponseSchema, async ({ revision }) => {
        const target = Number(revision);
        if (target <= 0 || (target <= store.compactedRevision && store.compactedRevision > 1))
          throw etcdError('compacted');
        if (target > store.revision) await store.linearizable();
        if (target > store.revision) throw etcdError('futureRevision');
        await store.compact(target);
        return { header: header.message() };
      }),
    ],
  ];
}
