/**
 * What the store must hold after each committed command, in the most obvious way. It runs every command once, when the first member applies it;
 * results, revisions, reads and watch events of all members are compared with it, and members' hashes with each other.
 */
import type { ApplyResult } from '../../src/store/apply.ts';
import { isBatch, splitBatch } from '../../src/store/batch.ts';
import type { Command } from '../../src/store/command.ts';
import { decodeCommand } from '../../src/store/command-codec.ts';
import type {
  Compare,
  KeyRange,
  KeyValue,
  Operation,
  OperationResult,
  Transaction,
  WatchEvent,
} from '../../src/store/types.ts';
import type { Judge } from './violation.ts';

export interface ModelValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly leaseId: bigint | undefined;
}

export interface ModelEvent {
  readonly type: 'put' | 'delete';
  readonly revision: number;
  readonly key: string;
  readonly current: ModelValue | undefined;
  readonly previous: ModelValue | undefined;
}

interface ModelLease {
  readonly ttlSeconds: number;
  renewals: number;
}

export class StoreModel {
  readonly #judge: Judge;
  readonly #leases = new Map<bigint, ModelLease>();
  onRevoked: (id: bigint) => void = () => undefined;
  readonly #keys = new Map<string, ModelValue>();
  /** Every version of every key, by revision; undefined: deleted. */
  readonly #history = new Map<string, { revision: number; value: ModelValue | undefined }[]>();
  readonly events: ModelEvent[] = [];
  /** By revision: position of its first event. */
  readonly #eventStart: number[] = [0, 0];
  revision = 1;
  compactedRevision = 1;
  /** By log index: the revision after it, and the hash of the member that applied it first. */
  readonly #after: { revision: number; hash: string }[] = [{ revision: 1, hash: '' }];

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  get appliedIndex(): number {
    return this.#after.length - 1;
  }

  /** A member applied the entry, and answers `result`; its state's hash and revision are now these. */
  applied(
    id: number,
    index: number,
    term: number,
    command: Uint8Array,
    result: ApplyResult,
    revision: number,
    hash: string,
  ): void {
    const known = this.#after[index];
    if (known) {
      if (known.hash !== hash || known.revision !== revision)
        this.#judge.violation(
          'equal state at equal index',
          `member ${id} at entry ${index} has revision ${revision} and hash ${hash}, another had ${known.revision} and ${known.hash}`,
        );
      return;
    }
    if (command.length > 0) this.#runAll(id, index, term, command, result);
    if (revision !== this.revision)
      this.#judge.violation(
        'revisions',
        `member ${id} has revision ${revision} after entry ${index}, it must be ${this.revision}`,
      );
    this.#after.push({ revision, hash });
  }

  /** A member replaced its state by a snapshot. */
  restored(id: number, index: number, revision: number, hash: string): void {
    const known = this.#after[index];
    if (known && index > 0 && (known.hash !== hash || known.revision !== revision))
      this.#judge.violation(
        'equal state at equal index',
        `member ${id} restored a snapshot at ${index} with revision ${revision} and hash ${hash}; applied, it was ${known.revision} and ${known.hash}`,
      );
  }

  at(key: string, revision: number): ModelValue | undefined {
    const versions = this.#history.get(key);
    if (!versions) return undefined;
    for (let position = versions.length - 1; position >= 0; position--)
      if (versions[position]!.revision <= revision) return versions[position]!.value;
    return undefined;
  }

  rangeAt(range: KeyRange, revision: number): ModelValue[] {
    const found: ModelValue[] = [];
    for (const key of this.#history.keys()) {
      if (!inRange(range, key)) continue;
      const value = this.at(key, revision);
      if (value) found.push(value);
    }
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Of revisions `from` to `to`, both included. */
  eventsOf(range: KeyRange, from: number, to: number): ModelEvent[] {
    const start = this.#eventStart[from] ?? this.events.length;
    const end = this.#eventStart[to + 1] ?? this.events.length;
    return this.events.slice(start, end).filter(({ key }) => inRange(range, key));
  }

  #runAll(id: number, index: number, term: number, command: Uint8Array, result: ApplyResult): void {
    if (!isBatch(command)) {
      this.#run(id, index, term, decodeCommand(command), result);
      return;
    }
    const parts = splitBatch(command);
    if (result.type !== 'batch' || result.results.length !== parts.length)
      this.#judge.violation('results', `member ${id} answered the batch at entry ${index} with ${result.type}`);
    for (const [at, part] of parts.entries()) this.#run(id, index, term, decodeCommand(part), result.results[at]!);
  }

  #run(id: number, index: number, term: number, command: Command, result: ApplyResult): void {
    if (command.fenceTerm !== undefined && command.fenceTerm !== term) {
      if (result.type !== 'error' || result.error.code !== 'fenced')
        this.#judge.violation(
          'fencing',
          `entry ${index} of term ${term} ran although its writer wanted term ${command.fenceTerm}`,
        );
      return;
    }
    if (command.type === 'transaction') this.#transaction(id, index, command.transaction, result);
    else if (command.type === 'compact' && command.revision <= this.revision)
      this.compactedRevision = Math.max(this.compactedRevision, command.revision);
    else this.#lease(id, index, command, result);
  }

  #lease(id: number, index: number, command: Command, result: ApplyResult): void {
    const differ = (expected: string) =>
      this.#judge.violation(
        'leases',
        `member ${id} answered entry ${index} with ${shown(result)}, it must be ${expected}`,
      );
    if (command.type === 'lease-grant') {
      if (this.#leases.has(command.id)) {
        if (result.type !== 'error') differ('lease-exists');
        return;
      }
      if (result.type !== 'lease-grant') return;
      this.#leases.set(command.id, { ttlSeconds: result.ttlSeconds, renewals: 0 });
    } else if (command.type === 'lease-keep-alive') {
      const expected = command.ids.map((lease) => {
        const known = this.#leases.get(lease);
        if (known) known.renewals++;
        return known?.ttlSeconds;
      });
      if (result.type !== 'lease-keep-alive' || result.ttlSeconds.some((ttl, at) => ttl !== expected[at]))
        differ(`renewals of ${expected}`);
    } else if (command.type === 'lease-expire') {
      const due = command.leases.filter((seen) => this.#leases.get(seen.id)?.renewals === seen.renewals);
      for (const lease of due) this.#revoke(lease.id);
      const expected = due.map((lease) => lease.id);
      if (result.type !== 'lease-expire' || `${result.revoked}` !== `${expected}`) differ(`the end of ${expected}`);
    } else if (command.type === 'lease-revoke' && this.#leases.has(command.id)) this.#revoke(command.id);
  }

  #revoke(id: bigint): void {
    const keys = [...this.#keys.values()]
      .filter(({ leaseId }) => leaseId === id)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const events: ModelEvent[] = [];
    for (const previous of keys)
      this.#change(
        { type: 'delete', revision: this.revision + 1, key: previous.key, current: undefined, previous },
        events,
      );
    if (events.length > 0) this.#record(this.revision + 1, events);
    this.#leases.delete(id);
    this.onRevoked(id);
  }

  #transaction(id: number, index: number, transaction: Transaction, result: ApplyResult): void {
    const before = this.revision;
    if (result.type === 'error') {
      // A refusal is not predicted, but it must be for a reason that lies in the command or the state, and change nothing.
      if (result.error.code === 'fenced')
        this.#judge.violation('fencing', `entry ${index} was refused without a fence`);
      return;
    }
    const events: ModelEvent[] = [];
    const outcome = this.#execute(transaction, before + 1, events);
    if (events.length > 0) this.#record(before + 1, events);
    if (result.type !== 'transaction')
      this.#judge.violation('results', `member ${id} answered entry ${index} with ${result.type}`);
    const { succeeded, revision, results } = result.result;
    if (succeeded !== outcome.succeeded || revision !== this.revision || !sameResults(results, outcome.results))
      this.#judge.violation(
        'results',
        `member ${id} answered entry ${index} with ${succeeded ? 'success' : 'failure'} at revision ${revision} ` +
          `${resultText(results)}, it must be ${outcome.succeeded ? 'success' : 'failure'} at ${this.revision} ${resultText(outcome.results)}`,
      );
  }

  #execute(
    transaction: Transaction,
    revision: number,
    events: ModelEvent[],
  ): { succeeded: boolean; results: OperationResult[] } {
    // Compares, also those of nested transactions, are decided before anything is written.
    const decisions = new Map<Transaction, boolean>();
    const decide = (one: Transaction): void => {
      const succeeded = one.compare.every((compare) => this.#holds(compare));
      decisions.set(one, succeeded);
      for (const operation of (succeeded ? one.success : one.failure) ?? [])
        if (operation.type === 'transaction') decide(operation.transaction);
    };
    decide(transaction);
    const run = (one: Transaction): { succeeded: boolean; results: OperationResult[] } => {
      const succeeded = decisions.get(one)!;
      const operations = succeeded ? one.success : (one.failure ?? []);
      const results = operations.map(
        (operation): OperationResult =>
          operation.type === 'transaction'
            ? { type: 'transaction', ...run(operation.transaction) }
            : this.#operation(operation, revision, events),
      );
      return { succeeded, results };
    };
    return run(transaction);
  }

  #operation(operation: Operation, revision: number, events: ModelEvent[]): OperationResult {
    if (operation.type === 'put') {
      const previous = this.#keys.get(operation.key);
      const { ignoreValue, ignoreLease, leaseId } = operation as {
        ignoreValue?: boolean;
        ignoreLease?: boolean;
        leaseId?: bigint;
      };
      const current: ModelValue = {
        key: operation.key,
        value: ignoreValue && previous ? previous.value : operation.value,
        createRevision: previous?.createRevision ?? revision,
        modRevision: revision,
        version: (previous?.version ?? 0) + 1,
        leaseId: ignoreLease ? previous?.leaseId : leaseId || undefined,
      };
      this.#change({ type: 'put', revision, key: current.key, current, previous }, events);
      return operation.previous ? { type: 'put', previous: previous as KeyValue | undefined } : { type: 'put' };
    }
    if (operation.type === 'delete') {
      const gone = this.#current(operation);
      for (const previous of gone)
        this.#change({ type: 'delete', revision, key: previous.key, current: undefined, previous }, events);
      return { type: 'delete', deleted: gone.length, ...(operation.previous && { previous: gone as KeyValue[] }) };
    }
    if (operation.type === 'range') {
      const items = this.#current(operation);
      const limit = operation.limit || Number.POSITIVE_INFINITY;
      return {
        type: 'range',
        items: items.slice(0, limit) as KeyValue[],
        more: items.length > limit,
        count: items.length,
      } as OperationResult;
    }
    throw new Error(`the model knows no operation "${(operation as { type: string }).type}"`);
  }

  #change(event: ModelEvent, events: ModelEvent[]): void {
    if (event.current) this.#keys.set(event.key, event.current);
    else this.#keys.delete(event.key);
    events.push(event);
  }

  /** Also for what happens outside of transactions (the end of a lease). */
  #record(revision: number, events: readonly ModelEvent[]): void {
    this.revision = revision;
    this.#eventStart[revision] = this.events.length;
    for (const event of events) {
      this.events.push(event);
      let versions = this.#history.get(event.key);
      if (!versions) {
        versions = [];
        this.#history.set(event.key, versions);
      }
      versions.push({ revision, value: event.current });
    }
    this.#eventStart[revision + 1] = this.events.length;
  }

  #current(range: KeyRange): ModelValue[] {
    const found: ModelValue[] = [];
    for (const value of this.#keys.values()) if (inRange(range, value.key)) found.push(value);
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #holds(compare: Compare): boolean {
    const found: (ModelValue | undefined)[] = this.#current(compare);
    if (found.length === 0) found.push(undefined);
    return found.every((value) => {
      let difference: number;
      if (compare.target === 'value') {
        if (!value) return false;
        difference = Buffer.compare(value.value, compare.operand);
      } else
        difference =
          Number(value?.[(compare.target as string) === 'lease' ? 'leaseId' : (compare.target as 'version')] ?? 0) -
          Number(compare.operand);
      if (compare.operator === '=') return difference === 0;
      if (compare.operator === '!=') return difference !== 0;
      return compare.operator === '<' ? difference < 0 : difference > 0;
    });
  }
}

export function inRange(range: KeyRange, key: string): boolean {
  return range.end === undefined ? key === range.key : key >= range.key && (range.end === '' || key < range.end);
}

export function sameValue(a: ModelValue | KeyValue | undefined, b: ModelValue | undefined): boolean {
  if (!a || !b) return !a === !b;
  return (
    a.key === b.key &&
    a.modRevision === b.modRevision &&
    a.createRevision === b.createRevision &&
    a.version === b.version &&
    Buffer.compare(a.value, b.value) === 0
  );
}

export function sameEvent(event: WatchEvent, expected: ModelEvent): boolean {
  if (event.type !== expected.type || event.current.key !== expected.key) return false;
  if (event.current.modRevision !== expected.revision) return false;
  return event.type === 'delete' || sameValue(event.current, expected.current);
}

function sameResults(found: readonly OperationResult[], expected: readonly OperationResult[]): boolean {
  return (
    found.length === expected.length &&
    found.every((one, position) => {
      const other = expected[position]!;
      if (one.type === 'put' && other.type === 'put')
        return sameValue(one.previous, other.previous as ModelValue | undefined);
      if (one.type === 'delete' && other.type === 'delete') return one.deleted === other.deleted;
      if (one.type === 'transaction' && other.type === 'transaction')
        return one.succeeded === other.succeeded && sameResults(one.results, other.results);
      if (one.type === 'range' && other.type === 'range')
        return (
          one.more === other.more &&
          one.items.length === other.items.length &&
          one.items.every((item, at) => sameValue(item, other.items[at] as ModelValue))
        );
      return false;
    })
  );
}

const shown = (result: ApplyResult): string =>
  JSON.stringify(result, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));

function resultText(results: readonly OperationResult[]): string {
  const value = (one: KeyValue | undefined) =>
    one ? `${one.key}=${Buffer.from(one.value)}@${one.modRevision}` : 'nothing';
  return `[${results
    .map((one) => {
      if (one.type === 'range') return `range ${one.items.map(value).join(' ')}`;
      if (one.type === 'delete') return `delete ${one.deleted}`;
      return one.type;
    })
    .join(', ')}]`;
}
