import { describe, expect, it } from 'vitest';
import { CelBudgetError, CelCompileError, CelEvaluationError, compile } from './index.ts';
import {
  boolType,
  type CelType,
  doubleType,
  dynType,
  intType,
  listOf,
  mapOf,
  stringType,
  structType,
  timestampType,
} from './types.ts';

const spec: CelType = structType(
  'spec',
  new Map<string, { type: CelType; jsonName: string }>([
    ['replicas', { type: intType, jsonName: 'replicas' }],
    ['name', { type: stringType, jsonName: 'name' }],
    ['tags', { type: listOf(stringType), jsonName: 'tags' }],
    ['labels', { type: mapOf(stringType, stringType), jsonName: 'labels' }],
    ['ratio', { type: doubleType, jsonName: 'ratio' }],
    ['at', { type: timestampType, jsonName: 'at' }],
    ['a__dash__b', { type: stringType, jsonName: 'a-b' }],
    ['on', { type: boolType, jsonName: 'on' }],
  ]),
);
const environment = { variables: { self: spec, any: dynType } };

function evaluate(expression: string, variables: Record<string, unknown> = {}): unknown {
  return compile(expression, environment).evaluate(variables);
}

function compileFault(expression: string): string {
  try {
    compile(expression, environment);
  } catch (error) {
    if (error instanceof CelCompileError) return error.message;
    throw error;
  }
  return 'compiles';
}

function fault(expression: string, variables: Record<string, unknown> = {}): string {
  try {
    return `is ${JSON.stringify(evaluate(expression, variables))}`;
  } catch (error) {
    if (error instanceof CelEvaluationError) return error.message;
    throw error;
  }
}

describe('values of expressions', () => {
  const cases: readonly [string, unknown][] = [
    ['1 + 2 * 3 - 4 / 2', 5],
    ['-7 / 2', -3],
    ['-7 % 3', -1],
    ['1.5 + 2.0', 3.5],
    ['"a" + "b" == "ab" && "a" < "b"', true],
    ['2 < 2.5 && 3u >= 2 && dyn(1) == 1.0 && dyn(1) == 1u', true],
    ['dyn(1) == dyn("1")', false],
    ['[1, 2] + [3] == [1, 2, 3]', true],
    ['{"a": 1}.a + {"a": 1}["a"]', 2],
    ['2 in [1, 2] && "a" in {"a": 1} && !(3 in [1, 2])', true],
    ['[1, 2, 3].all(x, x > 0) && [1, 2].exists(x, x == 2) && [1, 2, 2].exists_one(x, x == 1)', true],
    ['[1, 2, 3].map(x, x * 2)', [2, 4, 6]],
    ['[1, 2, 3].map(x, x > 1, x * 2)', [4, 6]],
    ['[1, 2, 3].filter(x, x != 2)', [1, 3]],
    ['{"a": 1, "b": 2}.all(k, k < "c")', true],
    ['[3, 4].all(i, v, v == i + 3)', true],
    ['{"a": 1}.transformMap(k, v, v + 1)', { a: 2 }],
    ['[1, 2].transformList(i, v, i + v)', [1, 3]],
    ['{"a": "x"}.transformMapEntry(k, v, {v: k})', { x: 'a' }],
    ['[[1], [2]].map(x, x.map(y, y + 1))', [[2], [3]]],
    ['1 / 0 > 1 || true', true],
    ['[1, 0].exists(x, 1 / x == 1)', true],
    ['[0, 1].exists(x, 1 / x == 1)', true],
    ['true ? "yes" : "no"', 'yes'],
    ['size("äö😀") == 3 && "abc".size() == 3', true],
    ['"hello".matches("^h.*o$") && !"hello".matches("^e")', true],
    ['"a,b,c".split(",").join("-")', 'a-b-c'],
    ['"abc".replace("b", "xx") + "ABC".lowerAscii() + " x ".trim()', 'axxcabcx'],
    ['"tacocat".substring(1, 3) + "abc".charAt(1)', 'acb'],
    ['"tacocat".indexOf("c") + "tacocat".lastIndexOf("a")', 7],
    ['"%s is %d, %.2f, %x, %s".format([dyn("a"), 3, 1.5, 255, [1]])', 'a is 3, 1.50, ff, [1]'],
    ['string(1e6) + " " + string(0.5) + " " + string(123456.0)', '1e+06 0.5 123456'],
    ['int("12") + int(3.9) + int(3u)', 18],
    ['type(1) == int && type("a") == string && type([]) == list && type(null) == null_type', true],
    ['duration("1h30m") > duration("89m") && string(duration("90s")) == "90s"', true],
    ['timestamp("2024-02-29T12:00:00Z").getFullYear()', 2024],
    ['timestamp("2024-02-29T23:30:00Z").getDayOfMonth("+01:00")', 0],
    ['timestamp("2024-01-01T00:00:00Z") + duration("24h") == timestamp("2024-01-02T00:00:00Z")', true],
    ['[3, 1, 2].isSorted() || [3, 1, 2].max() == 3 && [1, 2].sum() == 3 && ["b", "a"].min() == "a"', true],
    ['[3, 1, 2].sort() == [1, 2, 3] && [1, 1, 2].distinct() == [1, 2] && [[1], [2]].flatten() == [1, 2]', true],
    ['sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1, 1]) && !sets.intersects([1], [2])', true],
    ['lists.range(3)', [0, 1, 2]],
    ['optional.of(3).orValue(4) + optional.none().orValue(4)', 7],
    ['{"a": {"b": 1}}.?a.?b.orValue(0) + {"a": 1}[?"x"].orValue(5)', 6],
    ['[1, ?optional.none(), ?optional.of(2)]', [1, 2]],
    ['{"a": 1, ?"b": optional.none()}', { a: 1 }],
    ['optional.of(2).optMap(x, x + 1).value()', 3],
    ['optional.of(2).optFlatMap(x, optional.of(x * 2)).hasValue()', true],
    ["r\"\\d\" + '''a\nb''' + \"\\u00e9\\x41\"", '\\da\nbéA'],
    ['b"abc" == bytes("abc") && string(b"abc") == "abc"', true],
    ['!!true && --3 == 3', true],
    ['has({"a": 1}.a) && !has({"a": 1}.b)', true],
  ];
  for (const [expression, value] of cases) {
    it(expression, () => expect(evaluate(expression)).toEqual(value));
  }
});

describe('variables', () => {
  it('objects are read by the types declared for their fields', () => {
    const self = {
      replicas: 3,
      name: 'x',
      tags: ['a', 'b'],
      labels: { k: 'v' },
      ratio: 2,
      at: '2024-01-01T00:00:00Z',
      'a-b': 'c',
    };
    expect(evaluate('self.replicas + 1 == 4 && self.ratio / 4.0 == 0.5', { self })).toBe(true);
    expect(evaluate('self.at.getFullYear() == 2024 && self.a__dash__b == "c"', { self })).toBe(true);
    expect(evaluate('self.tags.all(t, t in ["a", "b"]) && self.labels["k"] == "v"', { self })).toBe(true);
    expect(evaluate('has(self.on) || !has(self.on)', { self })).toBe(true);
    expect(
      evaluate('any.spec.replicas == 1 && any.list[0].x == "y"', {
        any: { spec: { replicas: 1 }, list: [{ x: 'y' }] },
      }),
    ).toBe(true);
  });

  it('what is not there is an error that says so', () => {
    expect(fault('self.name', { self: {} })).toBe('no such key: name');
    expect(fault('any.a.b', { any: { a: {} } })).toBe('no such key: b');
    expect(fault('any[3]', { any: [1] })).toBe('index out of bounds: 3');
    expect(fault('any + 1', { any: 'x' })).toBe('no such overload');
    expect(fault('1 / 0')).toBe('division by zero');
    expect(fault('9223372036854775807 + 1')).toBe('integer overflow');
    expect(fault('optional.none().value()')).toBe('optional.none() dereference');
  });

  it('lists that are sets have no order, and those that are maps are merged by key', () => {
    const item = structType(
      'item',
      new Map([
        ['k', { type: stringType, jsonName: 'k' }],
        ['v', { type: intType, jsonName: 'v' }],
      ]),
    );
    const typed = {
      variables: { a: listOf(stringType, 'set'), b: listOf(item, { keys: ['k'] }), c: listOf(item, { keys: ['k'] }) },
    };
    expect(compile('a == ["y", "x"]', typed).evaluate({ a: ['x', 'y'] })).toBe(true);
    expect(compile('(a + ["x", "z"]).size()', typed).evaluate({ a: ['x', 'y'] })).toBe(3);
    expect(
      compile('(b + c).size() == 2 && (b + c)[0].v == 9', typed).evaluate({
        b: [{ k: 'p', v: 1 }],
        c: [
          { k: 'p', v: 9 },
          { k: 'q', v: 2 },
        ],
      }),
    ).toBe(true);
  });
});

describe('what does not compile', () => {
  it('shows the place', () => {
    expect(compileFault('self.foo == 1')).toBe("ERROR: <input>:1:5: undefined field 'foo'\n | self.foo == 1\n | ....^");
    expect(compileFault('bar')).toBe(
      "ERROR: <input>:1:1: undeclared reference to 'bar' (in container '')\n | bar\n | ^",
    );
    expect(compileFault('self.replicas + "a"')).toContain(
      "ERROR: <input>:1:15: found no matching overload for '_+_' applied to '(int, string)'",
    );
    expect(compileFault('self.name.startsWith(1)')).toContain(
      "found no matching overload for 'startsWith' applied to 'string.(int)'",
    );
    expect(compileFault('self.replicas.x')).toContain("type 'int' does not support field selection");
    expect(compileFault('[1, "a"]')).toContain("expected type 'int' but found 'string'");
    expect(compileFault('self.replicas.all(x, true)')).toContain(
      "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
    );
    expect(compileFault('duration("x")')).toContain('invalid duration argument');
    expect(compileFault('self.name.matches("[")')).toContain('invalid matches argument');
  });

  it('syntax', () => {
    expect(compileFault('1 +')).toContain("ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting");
    expect(compileFault('(1')).toContain("Syntax error: mismatched input '<EOF>' expecting ')'");
    expect(compileFault('1 2')).toContain("mismatched input '2' expecting <EOF>");
    expect(compileFault('has(self)')).toContain('invalid argument to has() macro');
    expect(compileFault('if')).toContain('reserved identifier: if');
    expect(compileFault('"abc')).toContain('Syntax error');
    expect(compileFault(`${'('.repeat(2000)}1${')'.repeat(2000)}`)).toContain('recursion limit');
    expect(compileFault(`${'!'.repeat(20_000)}true`)).toBe('compiles');
    expect(compileFault(Array.from({ length: 2000 }, () => 'true').join(' && '))).toBe('compiles');
    expect(compileFault(Array.from({ length: 2000 }, () => '1').join(' + '))).toContain('recursion limit');
  });
});

describe('costs', () => {
  it('an evaluation ends when its budget is used up', () => {
    const expression = compile('any.all(x, any.all(y, any.all(z, x + y + z >= 0)))', environment);
    const any = Array.from({ length: 500 }, (_, index) => index);
    expect(() => expression.evaluate({ any })).toThrow(CelBudgetError);
    expect(() => compile('any == 1 || true', environment).evaluate({ any: 1 }, { costBudget: 0 })).toThrow(
      CelBudgetError,
    );
  });

  it('a pattern that backtracking would never finish is matched at once', () => {
    expect(evaluate('any.matches("^(a+)+$")', { any: `${'a'.repeat(200)}!` })).toBe(false);
  });

  it('estimates follow the sizes that are known', () => {
    const rule = compile('self.tags.all(t, t.startsWith("a"))', environment);
    const sizes = (path: readonly string[]) => ({ min: 0, max: path.at(-1) === '@items' ? 10 : 100 });
    expect(rule.estimateCost(sizes)).toEqual({ min: 3, max: 503 });
    expect(rule.estimateCost().max).toBe(Number.POSITIVE_INFINITY);
    expect(compile('self.replicas > 3', environment).estimateCost()).toEqual({ min: 3, max: 3 });
  });
});
