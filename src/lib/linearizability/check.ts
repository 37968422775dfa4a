/**
 * Is there an order of these operations that a single, correct key-value map could have run them in, each between its call and its return?
 * The search is that of Wing and Gong with Lowe's memo of (what is done, state); an operation whose outcome is unknown may have
 * happened at any time after its call, or never. Pure: simulated and real histories are judged by the same code.
 *
 * Keys that no operation uses together are judged apart (a history is linearizable exactly when its part for every key is).
 * The search is bounded; a part that exceeds the bound is `undecided`, never `ok`.
 */

/** What a key holds; undefined: nothing. Values should be unique per write, else mistakes can hide. */
export type Value = string | undefined;

export type Step =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string };

export type Compare =
  | { readonly key: string; readonly value: Value }
  /** Whether it is there, whatever it holds. */
  | { readonly key: string; readonly exists: boolean };

/** Steps run in order, and see what earlier ones of the same transaction wrote. */
export interface TransactionInput {
  readonly type: 'transaction';
  /** All must hold for `success` to run. */
  readonly compare: readonly Compare[];
  readonly success: readonly Step[];
  readonly failure: readonly Step[];
}

export type Input = Step | TransactionInput;

export interface Output {
  /** Of a transaction: which branch ran. Ignored otherwise. */
  readonly succeeded?: boolean | undefined;
  /** What the `get` steps that ran have found, in order. Undefined: not known, anything will do. */
  readonly values?: readonly Value[] | undefined;
}

export interface Operation {
  /** For the story only. */
  readonly client: number | string;
  readonly call: number;
  /** Undefined: the outcome is unknown (no answer, or one that does not say); `output` is ignored then. */
  readonly return: number | undefined;
  readonly input: Input;
  readonly output?: Output | undefined;
}

export interface Verdict {
  readonly result: 'ok' | 'violation' | 'undecided';
  /** Of a violation: its keys, the longest order that was found, and what could not come after it. */
  readonly keys?: readonly string[] | undefined;
  readonly order?: readonly Operation[] | undefined;
  readonly stuck?: readonly Operation[] | undefined;
  /** Why, as text for people. Empty when ok. */
  readonly story: string;
}

export interface LinearizabilityOptions {
  /** States that one part's search may visit; default 500,000. */
  readonly maxStates?: number | undefined;
}

export function checkLinearizability(operations: readonly Operation[], options: LinearizabilityOptions = {}): Verdict {
  let undecided: Verdict | undefined;
  for (const part of partition(operations)) {
    const verdict = new Search(part, options.maxStates ?? 500_000).run();
    if (verdict.result === 'violation') return verdict;
    if (verdict.result === 'undecided') undecided ??= verdict;
  }
  return undecided ?? { result: 'ok', story: '' };
}

export function keysOf(input: Input): string[] {
  if (input.type !== 'transaction') return [input.key];
  return [...input.compare, ...input.success, ...input.failure].map(({ key }) => key);
}

interface Part {
  readonly keys: readonly string[];
  readonly operations: Operation[];
}

/** Operations by groups of keys that some operation uses together. */
function partition(operations: readonly Operation[]): Part[] {
  const parent = new Map<string, string>();
  const find = (key: string): string => {
    let root = key;
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up;
    parent.set(key, root);
    return root;
  };
  for (const { input } of operations) {
    const keys = keysOf(input);
    for (const key of keys) parent.set(find(key), find(keys[0]!));
  }
  const groups = new Map<string, Part>();
  for (const key of parent.keys()) {
    const group = groups.get(find(key));
    groups.set(find(key), { keys: [...(group?.keys ?? []), key], operations: [] });
  }
  for (const operation of operations) {
    const key = keysOf(operation.input)[0];
    if (key !== undefined) groups.get(find(key))!.operations.push(operation);
  }
  return [...groups.values()];
}

/** One value per key of the part, in the order of its keys. Replaced, never changed. */
type State = readonly Value[];

interface Frame {
  readonly state: State;
  /** In a chain of unknown operations: the state in which it began. */
  readonly chainFrom: State | undefined;
  /** Operations that may come next, completed ones first. */
  readonly candidates: readonly number[];
  next: number;
  /** The operation that led here; -1 at the root. */
  readonly via: number;
}

class Search {
  readonly #part: Part;
  readonly #maxStates: number;
  readonly #slots: ReadonlyMap<string, number>;
  /** Completed operations by call, then the unknown ones by call. */
  readonly #operations: readonly Operation[];
  readonly #completed: number;
  readonly #done: Uint8Array;
  readonly #seen = new Set<string>();
  #doneCompleted = 0;
  /** Every completed operation before it is done. */
  #low = 0;
  readonly #unknownDone = new Set<number>();
  /** Unknown puts whose value no read found and no compare names. */
  readonly #unseen = new Set<number>();

  constructor(part: Part, maxStates: number) {
    this.#part = part;
    this.#maxStates = maxStates;
    this.#slots = new Map(part.keys.map((key, slot) => [key, slot]));
    const byCall = (a: Operation, b: Operation) => a.call - b.call;
    const completed = part.operations.filter((operation) => operation.return !== undefined).sort(byCall);
    // What has no answer and changes nothing is never needed.
    const unknown = part.operations.filter(({ return: end, input }) => end === undefined && writes(input)).sort(byCall);
    this.#operations = [...completed, ...unknown];
    this.#completed = completed.length;
    this.#done = new Uint8Array(this.#operations.length);
    const seen = new Set(this.#operations.flatMap(seenValues));
    for (let at = this.#completed; at < this.#operations.length; at++) {
      const { input } = this.#operations[at]!;
      if (input.type === 'put' && !seen.has(input.value)) this.#unseen.add(at);
    }
  }

  run(): Verdict {
    const stack: Frame[] = [this.#frame(new Array(this.#part.keys.length).fill(undefined), undefined, -1)];
    let best: { order: Operation[]; stuck: Operation[] } | undefined;
    let bestDone = -1;
    while (this.#doneCompleted < this.#completed) {
      const frame = stack.at(-1)!;
      if (this.#doneCompleted > bestDone && frame.next === 0) {
        bestDone = this.#doneCompleted;
        best = {
          order: stack.slice(1).map(({ via }) => this.#operations[via]!),
          stuck: frame.candidates.filter((at) => at < this.#completed).map((at) => this.#operations[at]!),
        };
      }
      const at = frame.candidates[frame.next++];
      if (at === undefined) {
        stack.pop();
        if (stack.length === 0) return this.#violation(best!.order, best!.stuck);
        this.#undo(frame.via);
        continue;
      }
      const next = this.#try(frame, at);
      if (!next) continue;
      if (this.#seen.size > this.#maxStates) return this.#undecided();
      stack.push(next);
    }
    return { result: 'ok', story: '' };
  }

  #try(frame: Frame, at: number): Frame | undefined {
    const operation = this.#operations[at]!;
    const known = at < this.#completed;
    const state = this.#apply(frame.state, operation, known);
    if (!state) return undefined;
    // An unknown operation without effect is as good as none.
    if (!known && same(state, frame.state)) return undefined;
    if (this.#part.keys.length === 1) {
      if (known && frame.chainFrom && this.#apply(frame.chainFrom, operation, true)) return undefined;
      if (!known && !this.#isOfUse(at, state, frame)) return undefined;
    }
    this.#do(at);
    const chainFrom = known ? undefined : (frame.chainFrom ?? frame.state);
    const memo = this.#memo(state, chainFrom);
    if (this.#seen.has(memo)) {
      this.#undo(at);
      return undefined;
    }
    this.#seen.add(memo);
    return this.#frame(state, chainFrom, at);
  }

  /**
   * Over one key, an unknown operation is only of use right before one that needs it: what does not need it either overwrites
   * it unseen or can come first. And of those whose value nobody ever saw, the first is as good as any.
   */
  #isOfUse(at: number, state: State, { state: before, chainFrom, candidates }: Frame): boolean {
    if (this.#unseen.has(at) && candidates.some((other) => other < at && this.#unseen.has(other))) return false;
    return candidates.some((other) => {
      if (other === at) return false;
      const operation = this.#operations[other]!;
      if (other < this.#completed)
        return this.#apply(state, operation, true) && !this.#apply(chainFrom ?? before, operation, true);
      return operation.input.type === 'transaction';
    });
  }

  #frame(state: State, chainFrom: State | undefined, via: number): Frame {
    const candidates: number[] = [];
    let firstReturn = Number.POSITIVE_INFINITY;
    for (let at = this.#low; at < this.#completed; at++) {
      if (this.#done[at]) continue;
      const operation = this.#operations[at]!;
      if (operation.call > firstReturn) break;
      firstReturn = Math.min(firstReturn, operation.return!);
      candidates.push(at);
    }
    // The one that returned first is most often the one that came first.
    candidates.sort((a, b) => this.#operations[a]!.return! - this.#operations[b]!.return!);
    for (let at = this.#completed; at < this.#operations.length; at++) {
      if (this.#operations[at]!.call > firstReturn) break;
      if (!this.#done[at]) candidates.push(at);
    }
    return { state, chainFrom, candidates, next: 0, via };
  }

  #do(at: number): void {
    this.#done[at] = 1;
    if (at >= this.#completed) {
      this.#unknownDone.add(at);
      return;
    }
    this.#doneCompleted++;
    while (this.#low < this.#completed && this.#done[this.#low]) this.#low++;
  }

  #undo(at: number): void {
    this.#done[at] = 0;
    if (at >= this.#completed) {
      this.#unknownDone.delete(at);
      return;
    }
    this.#doneCompleted--;
    if (at < this.#low) this.#low = at;
  }

  #memo(state: State, chainFrom: State | undefined): string {
    const above: number[] = [];
    for (let at = this.#low, left = this.#doneCompleted - this.#low; left > 0; at++) {
      if (!this.#done[at]) continue;
      above.push(at);
      left--;
    }
    const unknown = [...this.#unknownDone].sort((a, b) => a - b);
    return JSON.stringify([this.#low, above, unknown, state, chainFrom]);
  }

  /** The state after the operation; undefined when it could not have answered as it did. */
  #apply(state: State, { input, output }: Operation, known: boolean): State | undefined {
    let steps: readonly Step[];
    if (input.type === 'transaction') {
      const succeeded = input.compare.every((compare) => holds(compare, state[this.#slots.get(compare.key)!]));
      if (known && output?.succeeded !== undefined && output.succeeded !== succeeded) return undefined;
      steps = succeeded ? input.success : input.failure;
    } else steps = [input];
    let next: Value[] | undefined;
    let reads = 0;
    for (const step of steps) {
      const slot = this.#slots.get(step.key)!;
      if (step.type === 'get') {
        const found = (next ?? state)[slot];
        if (known && output?.values && output.values[reads] !== found) return undefined;
        reads++;
      } else {
        next ??= [...state];
        next[slot] = step.type === 'put' ? step.value : undefined;
      }
    }
    return next ?? state;
  }

  #violation(order: Operation[], stuck: Operation[]): Verdict {
    const { keys } = this.#part;
    const shown = order.slice(-10).map((operation) => `  ${describe(operation)}`);
    const story = [
      `not linearizable: ${keys.map((key) => JSON.stringify(key)).join(', ')}`,
      `the longest possible order has ${order.length} operations${order.length > 10 ? ', of which the last 10' : ''}:`,
      ...shown,
      'after which none of these can come:',
      ...stuck.map((operation) => `  ${describe(operation)}`),
    ].join('\n');
    return { result: 'violation', keys, order, stuck, story };
  }

  #undecided(): Verdict {
    const { keys, operations } = this.#part;
    const story = `undecided: ${operations.length} operations on ${keys.join(', ')} need more than ${this.#maxStates} states`;
    return { result: 'undecided', keys, story };
  }
}

function writes(input: Input): boolean {
  if (input.type !== 'transaction') return input.type !== 'get';
  return [...input.success, ...input.failure].some(({ type }) => type !== 'get');
}

function seenValues({ input, output, return: end }: Operation): Value[] {
  const compared =
    input.type === 'transaction' ? input.compare.flatMap((compare) => ('value' in compare ? [compare.value] : [])) : [];
  return end === undefined ? compared : [...compared, ...(output?.values ?? [])];
}

function holds(compare: Compare, found: Value): boolean {
  return 'exists' in compare ? (found !== undefined) === compare.exists : found === compare.value;
}

function same(a: State, b: State): boolean {
  return a.every((value, slot) => value === b[slot]);
}

function describeCompare(compare: Compare): string {
  if ('exists' in compare) return `${compare.key} ${compare.exists ? 'is there' : 'is not there'}`;
  return `${compare.key}=${compare.value ?? 'nothing'}`;
}

export function describe({ client, call, return: end, input, output }: Operation): string {
  const step = (one: Step) => (one.type === 'put' ? `put ${one.key}=${one.value}` : `${one.type} ${one.key}`);
  let what: string;
  if (input.type === 'transaction') {
    const compare = input.compare.map(describeCompare).join(' and ') || 'always';
    const otherwise = input.failure.length > 0 ? ` else ${input.failure.map(step).join(', ')}` : '';
    what = `if ${compare} then ${input.success.map(step).join(', ')}${otherwise}`;
  } else what = step(input);
  let answer = '';
  if (end === undefined) answer = 'unknown';
  else {
    if (output?.succeeded !== undefined) answer = output.succeeded ? 'held' : 'did not hold';
    if (output?.values) answer += ` found ${output.values.map((value) => value ?? 'nothing').join(', ')}`;
  }
  return `client ${client} [${call}, ${end ?? '…'}] ${what} → ${answer.trim() || 'done'}`;
}
