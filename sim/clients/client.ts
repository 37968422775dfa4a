/**
 * One client: an operation after the other on whichever member, each recorded with its times and outcome. Answers are compared with the model at
 * once; the whole history is judged at the end of the run.
 */
import { type KeyValue, StoreError, type Transaction, type TransactionResult } from '../../src/store/types.ts';
import type { Input, Operation, Step, Value } from '../checkers/linearizability.ts';
import { sameValue } from '../checkers/store-model.ts';
import { Violation } from '../checkers/violation.ts';
import type { Member } from '../process/member.ts';
import type { World } from '../world.ts';
import { type Answer, call } from './connection.ts';

type Work = { readonly input: Input; readonly transaction: Transaction; readonly fenced: boolean };

export class Client {
  readonly #world: World;
  readonly #name: number;
  #member: Member;
  #count = 0;
  /** What it last saw of each key: what a compare-and-swap builds on. */
  readonly #seen = new Map<string, Value>();
  active = true;
  #pending: Operation | undefined;

  constructor(world: World, name: number) {
    this.#world = world;
    this.#name = name;
    this.#member = world.contact();
  }

  begin(): void {
    const { events, prng, scenario } = this.#world;
    events.at(prng.integer(1, 2 * scenario.thinkMs), () => {
      if (this.active) this.#next();
    });
  }

  /** A write that has no answer yet. */
  get pending(): Operation | undefined {
    return this.#pending;
  }

  #next(): void {
    const { prng } = this.#world;
    if (prng.chance(0.2)) this.#member = this.#world.contact();
    const key = this.#key();
    const choice = prng.float();
    if (choice < 0.3) this.#read(key);
    else if (choice < 0.35) this.#readPast();
    else this.#write(this.#draw(key, choice));
  }

  #key(): string {
    return `k${this.#world.prng.integer(1, this.#world.scenario.keys)}`;
  }

  #value(): string {
    return `${this.#name}.${++this.#count}`;
  }

  #draw(key: string, choice: number): Work {
    const { prng } = this.#world;
    const value = this.#value();
    const put: Step = { type: 'put', key, value };
    const fenced = prng.chance(0.2);
    if (choice < 0.65)
      return { ...transactionOf({ type: 'transaction', compare: [], success: [put], failure: [] }), fenced };
    if (choice < 0.72)
      return {
        ...transactionOf({ type: 'transaction', compare: [], success: [{ type: 'delete', key }], failure: [] }),
        fenced,
      };
    const compare = [{ key, value: this.#seen.get(key) }];
    const failure: Step[] = [{ type: 'get', key }];
    if (choice < 0.93 || this.#world.scenario.keys === 1 || !this.#world.scenario.pairs)
      return { ...transactionOf({ type: 'transaction', compare, success: [put], failure }), fenced };
    // Two keys at once.
    const other = this.#key();
    const success: Step[] = other === key ? [put] : [put, { type: 'put', key: other, value: this.#value() }];
    return { ...transactionOf({ type: 'transaction', compare: [], success, failure: [] }), fenced };
  }

  // --- writes ---

  #write({ input, transaction, fenced }: Work): void {
    const world = this.#world;
    const callMs = world.events.nowMs;
    const floor = world.acknowledgedRevision;
    const shared = world.prng.chance(0.5);
    const nested = world.prng.chance(0.15);
    const sent: Transaction = nested ? { compare: [], success: [{ type: 'transaction', transaction }] } : transaction;
    this.#pending = { client: this.#name, input, call: callMs, return: undefined };
    call(
      world,
      this.#member,
      world.scenario.timeoutMs,
      async ({ store, node }) => {
        const { isLeader, term } = node.leadership();
        const fenceTerm = fenced && isLeader ? term : undefined;
        // Without a time limit of its own a write shares its entry with others of its turn.
        return store.transact(sent, shared ? { fenceTerm } : { timeoutMs: world.scenario.timeoutMs, fenceTerm });
      },
      (answer) => this.#written(input, transaction, callMs, floor, nested ? unnested(answer) : answer),
    );
  }

  #written(
    input: Input,
    transaction: Transaction,
    callMs: number,
    floor: number,
    answer: Answer<TransactionResult>,
  ): void {
    const world = this.#world;
    this.#pending = undefined;
    const done = answer.type === 'answer';
    const refused = answer.type === 'refused' || (answer.type === 'error' && this.#certainlyNot(answer.error));
    if (done) {
      const { succeeded, revision, results } = answer.value;
      const operations = succeeded ? transaction.success : (transaction.failure ?? []);
      const wrote = operations.some(({ type }) => type === 'put');
      if (wrote) this.#checkWritten(operations, revision, floor);
      if (revision < floor)
        this.#violation(
          'real-time order',
          `an answer at revision ${revision}, ${floor} was acknowledged before the call`,
        );
      world.acknowledged(revision);
      const values = results.flatMap((result) => (result.type === 'range' ? [heldBy(result.items[0])] : []));
      this.#record({ input, call: callMs, return: world.events.nowMs, output: { succeeded, values } });
      for (const step of stepsOf(input, succeeded)) this.#remember(step, values[0]);
    } else if (refused) world.refusedWrites++;
    else this.#record({ input, call: callMs, return: undefined });
    if (!done) this.#member = world.contact();
    this.begin();
  }

  #checkWritten(operations: Transaction['success'], revision: number, floor: number): void {
    const { model } = this.#world;
    if (revision <= floor)
      this.#violation('real-time order', `wrote at revision ${revision}, ${floor} was acknowledged before the call`);
    for (const operation of operations) {
      if (operation.type !== 'put') continue;
      const found = model.at(operation.key, revision);
      if (found?.modRevision !== revision || Buffer.compare(found.value, operation.value) !== 0)
        this.#violation(
          'acknowledged writes',
          `put ${operation.key}=${text(operation.value)} was acknowledged at revision ${revision}, but is not there`,
        );
    }
  }

  #certainlyNot(error: unknown): boolean {
    if (!(error instanceof StoreError)) throw error;
    if (error.code === 'unavailable' || error.code === 'fenced') return true;
    if (error.code === 'unknown-outcome') return false;
    return this.#violation('errors', `a well-formed write failed with ${error.code}: ${error.message}`);
  }

  // --- reads ---

  #read(key: string): void {
    const world = this.#world;
    const callMs = world.events.nowMs;
    const floor = world.acknowledgedRevision;
    const several = world.prng.chance(0.15);
    const range = several ? { key: 'k', end: 'l' } : { key };
    const member = this.#member;
    call(
      world,
      member,
      world.scenario.timeoutMs,
      async ({ store }) => {
        await store.linearizable({ timeoutMs: world.scenario.timeoutMs });
        const { items } = store.range(range);
        return { items, revision: store.revision };
      },
      (answer) => {
        if (answer.type === 'answer') {
          const { items, revision } = answer.value;
          if (revision < floor)
            this.#violation(
              'linearizable reads',
              `member ${member.id} read at revision ${revision}, ${floor} was acknowledged before`,
            );
          this.#checkRange(range, revision, items);
          world.acknowledged(revision);
          world.reads++;
          if (!several) {
            const value = heldBy(items[0]);
            this.#seen.set(key, value);
            this.#record({
              input: { type: 'get', key },
              call: callMs,
              return: world.events.nowMs,
              output: { values: [value] },
            });
          }
        } else this.#member = world.contact();
        this.begin();
      },
    );
  }

  /** Of any replica's memory, at a revision that it may have compacted. */
  #readPast(): void {
    const world = this.#world;
    const range = { key: 'k', end: 'l' };
    call(
      world,
      this.#member,
      world.scenario.timeoutMs,
      async ({ store }) => {
        const revision = Math.max(1, store.revision - world.prng.integer(0, 10));
        return { revision, compacted: store.compactedRevision, items: store.range({ ...range, revision }).items };
      },
      (answer) => {
        if (answer.type === 'answer') this.#checkRange(range, answer.value.revision, answer.value.items);
        else if (answer.type === 'error' && !(answer.error instanceof StoreError && answer.error.code === 'compacted'))
          throw answer.error;
        this.begin();
      },
    );
  }

  #checkRange(range: { key: string; end?: string }, revision: number, items: readonly KeyValue[]): void {
    const expected = this.#world.model.rangeAt(range, revision);
    if (items.length === expected.length && items.every((item, at) => sameValue(item, expected[at]))) return;
    const shown = (list: readonly { key: string; value: Uint8Array; modRevision: number }[]) =>
      list.map((item) => `${item.key}=${text(item.value)}@${item.modRevision}`).join(' ');
    this.#violation('reads', `at revision ${revision} found [${shown(items)}], it was [${shown(expected)}]`);
  }

  // --- helpers ---

  #remember(step: Step, found: Value): void {
    if (step.type === 'put') this.#seen.set(step.key, step.value);
    else this.#seen.set(step.key, step.type === 'get' ? found : undefined);
  }

  #record(operation: Omit<Operation, 'client'>): void {
    this.#world.history.push({ client: this.#name, ...operation });
  }

  #violation(rule: string, detail: string): never {
    this.#world.violation(rule, `client ${this.#name}: ${detail}`);
    throw new Violation(rule, detail);
  }
}

const text = (value: Uint8Array) => Buffer.from(value).toString();
const heldBy = (item: KeyValue | undefined): Value => item && text(item.value);

/** The answer of the one transaction inside. */
function unnested(answer: Answer<TransactionResult>): Answer<TransactionResult> {
  if (answer.type !== 'answer') return answer;
  const [inner] = answer.value.results;
  if (inner?.type !== 'transaction') throw new Error('a nested transaction was answered without its result');
  return { type: 'answer', value: { ...answer.value, succeeded: inner.succeeded, results: inner.results } };
}

function stepsOf(input: Input, succeeded: boolean): readonly Step[] {
  if (input.type !== 'transaction') return [input];
  return succeeded ? input.success : input.failure;
}

/** What the checker's transaction is to the store. */
function transactionOf(input: Extract<Input, { type: 'transaction' }>): { input: Input; transaction: Transaction } {
  const operation = (step: Step): Transaction['success'][number] => {
    if (step.type === 'put') return { type: 'put', key: step.key, value: Buffer.from(step.value), previous: true };
    return step.type === 'get' ? { type: 'range', key: step.key } : { type: 'delete', key: step.key };
  };
  const compare = input.compare.flatMap((one): Transaction['compare'] => {
    if (!('value' in one)) return [{ key: one.key, target: 'version', operator: one.exists ? '>' : '=', operand: 0 }];
    return one.value === undefined
      ? [{ key: one.key, target: 'version', operator: '=', operand: 0 }]
      : [{ key: one.key, target: 'value', operator: '=', operand: Buffer.from(one.value) }];
  });
  return {
    input,
    transaction: { compare, success: input.success.map(operation), failure: input.failure.map(operation) },
  };
}
