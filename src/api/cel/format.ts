/** `format.dns1123Label().validate(x)` in expressions, and `jsonpatch.escapeKey`. */
import { traversal } from '../../lib/cel/cost/costs.ts';
import { patternFactor, stringFactor, times } from '../../lib/cel/cost/range.ts';
import { fixedCost, fn, type Library, method, OpaqueValue, Optional } from '../../lib/cel/index.ts';
import { sizeOr } from '../../lib/cel/overload.ts';
import { instantFromText } from '../../lib/cel/time.ts';
import { ArrayList, none, sizeOf } from '../../lib/cel/values.ts';
import { dns1035Label, dns1123Label, dns1123Subdomain, validLabelValue, validQualifiedName } from '../meta/names.ts';
import { parseUrl } from './url.ts';

type Rule = (text: string) => string | undefined;

export class FormatValue extends OpaqueValue {
  readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly rule: Rule;
  /** Of the pattern that the rule comes down to, in letters. */
  readonly patternLength: number;

  constructor(name: string, rule: Rule, patternLength: number) {
    super();
    this.name = name;
    this.rule = rule;
    this.patternLength = patternLength;
  }

  equals(other: OpaqueValue): boolean {
    return other === this;
  }

  toJson(): string {
    return this.name;
  }
}

/** What a generated name starts with may end in a dash. */
function prefix(rule: Rule): Rule {
  return (text) => rule(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);
}

function pattern(regexp: RegExp, wrong: string): Rule {
  return (text) => (regexp.test(text) ? undefined : wrong);
}

function instant(text: string): string | undefined {
  try {
    instantFromText(text);
    return /[Tt]/.test(text) ? undefined : 'invalid datetime';
  } catch {
    return 'invalid datetime';
  }
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

function date(text: string): string | undefined {
  const valid = /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text);
  return valid ? undefined : 'invalid date';
}

const formats: ReadonlyMap<string, FormatValue> = new Map(
  (
    [
      ['dns1123Label', dns1123Label, 30],
      ['dns1123Subdomain', dns1123Subdomain, 60],
      ['dns1035Label', dns1035Label, 30],
      ['qualifiedName', validQualifiedName, 60],
      ['dns1123LabelPrefix', prefix(dns1123Label), 30],
      ['dns1123SubdomainPrefix', prefix(dns1123Subdomain), 60],
      ['dns1035LabelPrefix', prefix(dns1035Label), 30],
      ['labelValue', validLabelValue, 40],
      ['uri', (text) => (parseUrl(text) ? undefined : `parse ${JSON.stringify(text)}: invalid URI for request`), 1000],
      ['uuid', pattern(uuid, 'does not match the UUID format'), 100],
      ['byte', pattern(base64, 'invalid base64'), 100],
      ['date', date, 100],
      ['datetime', instant, 100],
    ] satisfies [string, Rule, number][]
  ).map(([name, rule, length]) => [name, new FormatValue(name, rule, length)]),
);
const longestPattern = 128;

function validate(format: FormatValue, text: string): Optional {
  const wrong = format.rule(text);
  return wrong === undefined ? none : new Optional(new ArrayList([wrong]));
}

export const formatLibrary: Library = {
  overloads: [
    ...Array.from(formats, ([name, value]) =>
      fn(`format.${name}`, `format.${name}`, ' -> kubernetes.NamedFormat', () => value),
    ),
    fn(
      'format.named',
      'format-named',
      'string -> optional_type(kubernetes.NamedFormat)',
      (name: string) => (formats.has(name) ? new Optional(formats.get(name)!) : none),
      fixedCost(1),
    ),
    method('validate', 'format-validate', 'kubernetes.NamedFormat, string -> optional_type(list(string))', validate, {
      estimate: ([, text]) => ({ cost: times(times(sizeOr(text), stringFactor), longestPattern * patternFactor) }),
      actual: ([format, text]) =>
        Math.ceil((1 + sizeOf(text!)) * stringFactor) *
        Math.ceil((format as FormatValue).patternLength * patternFactor),
    }),
    fn(
      'jsonpatch.escapeKey',
      'string_jsonpatch_escapeKey_string',
      'string -> string',
      (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1'),
      traversal(0, { keepsSize: true }),
    ),
  ],
};
