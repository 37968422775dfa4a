import { expect, describe as suite, test } from 'vitest';
import { Prng } from '../../src/lib/prng.ts';
import {
  checkLinearizability,
  type Input,
  type Operation,
  type Output,
  type Step,
  type Value,
} from './linearizability.ts';

const operation = (
  call: number,
  end: number | undefined,
  input: Input,
  output?: Output,
  client: number | string = 1,
): Operation => ({ client, call, return: end, input, output });
const put = (call: number, end: number | undefined, value: string, key = 'k') =>
  operation(call, end, { type: 'put', key, value });
const remove = (call: number, end: number | undefined) => operation(call, end, { type: 'delete', key: 'k' });
const get = (call: number, end: number | undefined, value: Value, key = 'k') =>
  operation(call, end, { type: 'get', key }, { values: [value] });
const cas = (call: number, end: number | undefined, expected: Value, value: string, succeeded?: boolean) =>
  operation(
    call,
    end,
    {
      type: 'transaction',
      compare: [{ key: 'k', value: expected }],
      success: [{ type: 'put', key: 'k', value }],
      failure: [],
    },
    { succeeded },
  );
const verdict = (...operations: Operation[]) => checkLinearizability(operations).result;

suite('histories that a correct map can have', () => {
  test.each<[string, Operation[]]>([
    ['nothing', []],
    ['a read of what is not there', [get(1, 2, undefined)]],
    ['a write, then a read of it', [put(1, 2, 'a'), get(3, 4, 'a')]],
    ['a read that overlaps the write sees the old value', [put(1, 5, 'a'), get(2, 3, undefined), get(4, 6, 'a')]],
    ['an unknown write that happened', [put(1, undefined, 'a'), get(2, 3, undefined), get(4, 5, 'a')]],
    ['an unknown write that did not happen', [put(1, 2, 'b'), put(3, undefined, 'a'), get(4, 5, 'b'), get(6, 7, 'b')]],
    ['a delete', [put(1, 2, 'a'), remove(3, 4), get(5, 6, undefined)]],
    ['one of two compare-and-swaps wins', [put(1, 2, 'a'), cas(3, 9, 'a', 'b', false), cas(3, 9, 'a', 'c', true)]],
    [
      'a compare that fails only because of an unknown write',
      [put(1, undefined, 'x'), cas(2, 3, undefined, 'y', false)],
    ],
    [
      'two unknown writes, both needed, in the order opposite to their calls',
      [put(1, undefined, 'a'), put(2, undefined, 'b'), get(3, 4, 'b'), get(5, 6, 'a')],
    ],
    ['an answer that says nothing of the values', [put(1, 2, 'a'), operation(3, 4, { type: 'get', key: 'k' }, {})]],
    ['equal times count as overlap', [put(1, 2, 'a'), get(2, 2, undefined)]],
  ])('%s', (_name, operations) => {
    expect(verdict(...operations)).toBe('ok');
  });
});

suite('histories that none can have', () => {
  test.each<[string, Operation[]]>([
    ['a lost write', [put(1, 2, 'a'), get(3, 4, undefined)]],
    ['a stale read', [put(1, 2, 'a'), put(3, 4, 'b'), get(5, 6, 'a')]],
    ['a value from nowhere', [get(1, 2, 'a')]],
    ['reads that go back', [put(1, 2, 'a'), put(3, 10, 'b'), get(4, 5, 'b'), get(6, 7, 'a')]],
    ['an unknown write seen before its call', [get(1, 2, 'a'), put(3, undefined, 'a')]],
    ['an unknown write that happens twice', [put(1, undefined, 'a'), get(2, 3, 'a'), put(4, 5, 'b'), get(6, 7, 'a')]],
    ['both compare-and-swaps win', [put(1, 2, 'a'), cas(3, 9, 'a', 'b', true), cas(3, 9, 'a', 'c', true)]],
    ['a compare that fails although it holds', [put(1, 2, 'a'), cas(3, 4, 'a', 'b', false)]],
    ['a deleted key comes back', [put(1, 2, 'a'), remove(3, 4), get(5, 6, 'a')]],
  ])('%s', (_name, operations) => {
    const found = checkLinearizability(operations);
    expect(found.result).toBe('violation');
    expect(found.story).toContain('not linearizable: "k"');
    expect(found.stuck!.length).toBeGreaterThan(0);
  });
});

const moveInput: Input = {
  type: 'transaction',
  compare: [{ key: 'a', value: '1' }],
  success: [
    { type: 'delete', key: 'a' },
    { type: 'put', key: 'b', value: '1' },
  ],
  failure: [],
};
const both = (call: number, end: number, a: Value, b: Value) =>
  operation(
    call,
    end,
    { type: 'transaction', compare: [], success: ['a', 'b'].map((key): Step => ({ type: 'get', key })), failure: [] },
    { succeeded: true, values: [a, b] },
  );

test('a transaction over two keys is seen whole', () => {
  const before = put(1, 2, '1', 'a');
  const move = operation(3, 9, moveInput, { succeeded: true });
  expect(verdict(before, move, both(4, 5, '1', undefined), both(6, 7, undefined, '1'))).toBe('ok');
  expect(verdict(before, move, both(4, 5, undefined, undefined))).toBe('violation');
  expect(verdict(before, move, both(4, 5, '1', '1'))).toBe('violation');
  // An unknown transaction too: its second key shows that it ran.
  const unknown = operation(3, undefined, moveInput);
  expect(verdict(before, unknown, get(4, 5, '1', 'b'), get(6, 7, undefined, 'a'))).toBe('ok');
  expect(verdict(before, unknown, get(4, 5, '1', 'b'), get(6, 7, '1', 'a'))).toBe('violation');
});

test('a step sees what an earlier one of its transaction wrote', () => {
  const input: Input = {
    type: 'transaction',
    compare: [],
    success: [
      { type: 'put', key: 'k', value: 'x' },
      { type: 'get', key: 'k' },
    ],
    failure: [],
  };
  expect(verdict(operation(1, 2, input, { values: ['x'] }))).toBe('ok');
  expect(verdict(operation(1, 2, input, { values: [undefined] }))).toBe('violation');
});

test('keys that nothing joins are judged apart, and the broken one is named', () => {
  const found = checkLinearizability([
    put(1, 2, 'a', 'x'),
    put(1, 2, 'a', 'y'),
    get(3, 4, 'a', 'x'),
    get(3, 4, 'b', 'y'),
  ]);
  expect(found).toMatchObject({ result: 'violation', keys: ['y'] });
  expect(found.story).toContain('get y → found b');
});

test('a search that needs more states than allowed is undecided, not ok', () => {
  const writes = Array.from({ length: 12 }, (_, position) => put(1, 100, `v${position}`));
  const reads = ['nope'].map((value) => get(101, 102, value));
  expect(checkLinearizability([...writes, ...reads], { maxStates: 1_000 })).toMatchObject({ result: 'undecided' });
});

/** A run of a real map with overlapping calls: each takes effect at a moment between its call and its return. */
function randomHistory(seed: number, count: number): Operation[] {
  const prng = new Prng(seed);
  const moments = Array.from({ length: count }, (_, position) => ({
    at: 10 * position + prng.integer(0, 9),
    position,
  }));
  const state = new Map<string, Value>();
  return moments.map(({ at, position }) => {
    const unknown = prng.chance(0.1);
    const call = at - prng.integer(0, 30);
    const end = unknown ? undefined : at + prng.integer(0, 30);
    const key = prng.pick(['k', 'l']);
    const value = `v${position}`;
    if (unknown && prng.chance(0.5)) return operation(call, undefined, { type: 'put', key, value });
    if (prng.chance(0.4)) return operation(call, end, { type: 'get', key }, { values: [state.get(key)] });
    if (prng.chance(0.3)) {
      const expected = prng.chance(0.7) ? state.get(key) : 'other';
      const succeeded = state.get(key) === expected;
      if (succeeded) state.set(key, value);
      const success: Step[] = [{ type: 'put', key, value }];
      const input: Input = { type: 'transaction', compare: [{ key, value: expected }], success, failure: [] };
      return operation(call, end, input, { succeeded });
    }
    state.set(key, value);
    return operation(call, end, { type: 'put', key, value });
  });
}

test('long random histories of a correct map pass, and fail once a read is falsified', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const history = randomHistory(seed, 300);
    expect(checkLinearizability(history), `seed ${seed}`).toMatchObject({ result: 'ok' });
    // The last completed read now tells of a value that was overwritten long before.
    const at = history.findLastIndex(({ input, return: end }) => input.type === 'get' && end !== undefined);
    const old = history.find(({ input, return: end }) => input.type === 'put' && end !== undefined)!;
    const broken = history.with(at, {
      ...history[at]!,
      input: { type: 'get', key: (old.input as { key: string }).key },
      output: { values: [(old.input as { value: string }).value] },
    });
    expect(checkLinearizability(broken).result, `seed ${seed}`).toBe('violation');
  }
});
