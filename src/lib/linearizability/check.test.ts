/** Histories as they come from real clients: times with fractions, conditions that did not hold, outcomes that nobody knows. */
import { describe, expect, test } from 'vitest';
import { Prng } from '../prng.ts';
import { checkLinearizability, type Input, type Operation } from './check.ts';

const key = 'k';

/**
 * One operation for each word: `A:0-10:w=x` is client A writing x from 0 to 10 ms. `r=x` reads x (`r=-`: nothing), `c=x>y` changes x to y, `n=x` creates,
 * `u=x` updates, `d` deletes. A `!` behind it: the condition did not hold. A `?`: nobody knows.
 */
function history(text: string): Operation[] {
  return text
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [client = '', times = '', what = ''] = word.split(':');
      const [call = 0, end = 0] = times.split('-').map(Number);
      const [, verb, argument = '', mark] = /^(\w)=?([^!?]*)([!?]?)$/.exec(what)!;
      const input = inputOf(verb!, argument);
      const output = verb === 'r' ? { values: [valueFrom(argument)] } : { succeeded: mark !== '!' };
      return { client, call, return: mark === '?' ? undefined : end, input, output };
    });
}

const valueFrom = (text: string | undefined) => (text === '-' ? undefined : text);

function inputOf(verb: string, argument: string): Input {
  const put = (value: string) => [{ type: 'put' as const, key, value }];
  const when = (
    compare: Extract<Input, { type: 'transaction' }>['compare'],
    success: ReturnType<typeof put>,
  ): Input => ({
    type: 'transaction',
    compare,
    success,
    failure: [],
  });
  const [expected, next = ''] = argument.split('>');
  switch (verb) {
    case 'r':
      return { type: 'get', key };
    case 'w':
      return { type: 'put', key, value: argument };
    case 'u':
      return when([{ key, exists: true }], put(argument));
    case 'n':
      return when([{ key, exists: false }], put(argument));
    case 'd':
      return { type: 'transaction', compare: [{ key, exists: true }], success: [{ type: 'delete', key }], failure: [] };
    default:
      return when([{ key, value: valueFrom(expected) }], put(next));
  }
}

const verdictOf = (text: string) => checkLinearizability(history(text)).result;

describe('histories that are fine', () => {
  test.each([
    ['nothing', 'A:0-1:r=-'],
    ['one after the other', 'A:0-1:w=x A:2-3:r=x A:4-5:w=y A:6-7:r=y'],
    ['a read beside a write sees the old value', 'A:0-9:w=x B:1-2:r=-'],
    ['a read beside a write sees the new value', 'A:0-9:w=x B:1-2:r=x'],
    ['writes beside each other, in the order that the reads show', 'A:0-9:w=x B:0-9:w=y C:10-11:r=x'],
    ['a write that nobody knows of happened', 'A:0-9:w=x? B:10-11:r=x B:12-13:r=x'],
    ['a write that nobody knows of never happened', 'A:0-9:w=x? B:10-11:r=- B:12-13:r=-'],
    ['a write that nobody knows of happens much later', 'A:0-9:w=x? B:10-11:r=- B:99-100:r=x'],
    ['create, a second create, delete, create', 'A:0-1:n=x B:2-3:n=y! A:4-5:d B:6-7:n=y A:8-9:r=y'],
    ['one of two compare-and-sets wins', 'A:0-1:w=x A:2-9:c=x>a B:2-9:c=x>b! C:10-11:r=a'],
    ['an update and a delete of what is not there', 'A:0-1:u=x! A:2-3:d! A:4-5:r=-'],
    ['a compare-and-set on what is not there', 'A:0-1:c=->x A:2-3:r=x'],
  ])('%s', (_, text) => expect(verdictOf(text)).toBe('ok'));
});

describe('known-bad histories', () => {
  test.each([
    ['stale read: a deposed leader answers from memory', 'A:0-1:w=x A:2-3:w=y B:4-5:r=x'],
    ['lost write: acknowledged, then gone', 'A:0-1:w=x B:2-3:r=-'],
    ['the new value, then the old one again', 'A:0-9:w=x B:1-2:r=x C:3-4:r=-'],
    ['two reads see two writes in opposite orders', 'A:0-9:w=x B:0-9:w=y C:10-11:r=x D:12-13:r=y'],
    ['a value that nobody wrote', 'A:0-1:w=x B:2-3:r=z'],
    ['a read from the future', 'B:0-1:r=x A:2-3:w=x'],
    ['both compare-and-sets win', 'A:0-1:w=x A:2-9:c=x>a B:2-9:c=x>b'],
    ['a compare-and-set wins over a value that is gone', 'A:0-1:w=x A:2-3:w=y B:4-5:c=x>z'],
    ['a compare-and-set that could only win is refused', 'A:0-1:w=x A:2-3:c=x>a!'],
    ['a refused compare-and-set is seen', 'A:0-1:w=x A:2-3:w=y A:4-5:c=x>a! B:6-7:r=a'],
    ['both creates win', 'A:0-9:n=x B:0-9:n=y'],
    ['a deleted key is read', 'A:0-1:w=x A:2-3:d B:4-5:r=x'],
    ['an unknown write happens twice', 'A:0-9:w=x? B:10-11:r=x B:12-13:w=y B:14-15:r=y B:16-17:r=x'],
    ['an unknown write is seen before it began', 'B:0-1:r=x A:2-9:w=x?'],
    ['an unknown compare-and-set cannot have happened', 'A:0-1:w=y B:2-3:c=x>z? C:4-5:r=z'],
  ])('%s', (_, text) => expect(verdictOf(text)).toBe('violation'));
});

test('a search without end is given up and said to be undecided', () => {
  const text = Array.from({ length: 40 }, (_, i) => `C${i}:0-9:w=v${i}`).join(' ');
  const verdict = checkLinearizability(history(`${text} A:10-11:r=nothing`), { maxStates: 5_000 });
  expect(verdict.result).toBe('undecided');
});

/** Operations that really happened at one moment each, within what their clients saw; some outcomes are then forgotten. */
function simulate(prng: Prng, count: number): Operation[] {
  let state: string | undefined;
  const operations: Operation[] = [];
  for (let i = 0; i < count; i++) {
    const value = `v${i}`;
    const verb = prng.pick(['w', 'c', 'c', 'n', 'u', 'd', 'r', 'r', 'r']);
    const expected = prng.chance(0.7) ? (state ?? '-') : 'other';
    const input = inputOf(verb, verb === 'c' ? `${expected}>${value}` : value);
    let output: Operation['output'] = { values: [state] };
    if (verb !== 'r') {
      const holds = { w: true, c: valueFrom(expected) === state, n: state === undefined }[verb] ?? state !== undefined;
      if (holds) state = verb === 'd' ? undefined : value;
      output = { succeeded: holds };
    }
    const call = i * 10 - prng.float() * 40;
    const end = prng.chance(0.04) ? undefined : i * 10 + prng.float() * 40;
    operations.push({ client: `C${i}`, call, return: end, input, output });
  }
  return operations;
}

test('what a correct register did is always accepted, also with forgotten outcomes', () => {
  for (let seed = 1; seed <= 100; seed++) {
    expect(checkLinearizability(simulate(new Prng(seed), 120)).result, `seed ${seed}`).toBe('ok');
  }
});

test('one wrong read in a long history is found', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const operations = [...simulate(new Prng(seed), 120), ...history('W:5000-5001:w=last R:5002-5003:r=other')];
    expect(checkLinearizability(operations).result, `seed ${seed}`).toBe('violation');
  }
});
