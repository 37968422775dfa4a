/** Which transactions etcd takes: how many operations, and that no key is written twice. */
import { covers } from '../../store/command.ts';
import type { KeyRange, Operation, Transaction } from '../../store/types.ts';
import { etcdError } from './errors.ts';
import { maxTransactionOps } from './limits.ts';

/** @throws GrpcError */
export function checkTransaction(transaction: Transaction): void {
  checkCount(transaction, maxTransactionOps);
  checkWrites(transaction.success);
  checkWrites(transaction.failure ?? []);
}

function checkCount({ compare, success, failure = [] }: Transaction, allowed: number): void {
  const count = Math.max(compare.length, success.length, failure.length);
  if (count > allowed) throw etcdError('tooManyOps');
  for (const operations of [success, failure])
    for (const operation of operations)
      if (operation.type === 'transaction') checkCount(operation.transaction, allowed - count);
}

interface Writes {
  readonly puts: ReadonlySet<string>;
  readonly deletes: readonly KeyRange[];
}

/** What a list of operations puts and deletes. Only one branch of a nested transaction runs, so its branches may write the same. */
function checkWrites(operations: readonly Operation[]): Writes {
  const puts = new Set<string>();
  const deletes: KeyRange[] = operations.filter((operation) => operation.type === 'delete');
  const own = deletes.slice();
  for (const operation of operations) {
    if (operation.type !== 'transaction') continue;
    const taken = checkWrites(operation.transaction.success);
    const other = checkWrites(operation.transaction.failure ?? []);
    for (const key of taken.puts) add(puts, own, key);
    for (const key of other.puts) if (!taken.puts.has(key)) add(puts, own, key);
    deletes.push(...taken.deletes, ...other.deletes);
  }
  for (const operation of operations) if (operation.type === 'put') add(puts, deletes, operation.key);
  return { puts, deletes };
}

function add(puts: Set<string>, deletes: readonly KeyRange[], key: string): void {
  if (puts.has(key) || deletes.some((range) => covers(range, key))) throw etcdError('duplicateKey');
  puts.add(key);
}
