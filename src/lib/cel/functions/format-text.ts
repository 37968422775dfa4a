/** `"%s has %d".format([a, b])`: s, d, f, e, x, X, o, b and %%. */
import { CelEvaluationError } from '../errors.ts';
import { isDuration, isTimestamp } from '../time.ts';
import { ListValue, MapValue, nameOfType, TypeValue, Uint, type Value } from '../values.ts';
import { formatDouble, formatScientific } from './format-number.ts';

const clause = /%(?:\.(\d+))?([a-zA-Z%])?/g;
const maxPrecision = 100;
const defaultPrecision = 6;

/** @throws CelEvaluationError */
export function formatText(format: string, args: ListValue): string {
  let next = 0;
  return format.replace(clause, (_all, precision: string | undefined, letter: string | undefined) => {
    if (letter === '%') return '%';
    if (next >= args.length) throw new CelEvaluationError(`index ${next} out of range`);
    const digits = precision === undefined ? defaultPrecision : Number(precision);
    if (digits > maxPrecision) throw new CelEvaluationError(`precision of ${digits} is too large`);
    return formatOne(letter, args.at(next++), digits);
  });
}

function formatOne(letter: string | undefined, value: Value, digits: number): string {
  switch (letter) {
    case 's':
      return shown(value);
    case 'd':
      return wholeNumber(value, 'decimal').toString();
    case 'f':
    case 'e': {
      const number = decimal(value, letter === 'f' ? 'fixed-point' : 'scientific');
      if (!Number.isFinite(number)) return Number.isNaN(number) ? 'NaN' : number > 0 ? 'Infinity' : '-Infinity';
      return letter === 'f' ? number.toFixed(digits) : formatScientific(number, digits);
    }
    case 'b':
      return typeof value === 'boolean' ? (value ? '1' : '0') : inBase(wholeNumber(value, 'binary'), 2);
    case 'o':
      return inBase(wholeNumber(value, 'octal'), 8);
    case 'x':
      return hexadecimal(value);
    case 'X':
      return hexadecimal(value).toUpperCase();
    default:
      throw new CelEvaluationError(
        `could not parse formatting clause: unrecognized formatting clause "${letter ?? ''}"`,
      );
  }
}

function inBase(value: bigint, base: number): string {
  return value.toString(base);
}

function hexadecimal(value: Value): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return inBase(wholeNumber(value, 'hex'), 16);
}

function wholeNumber(value: Value, clauseName: string): bigint {
  if (typeof value === 'bigint') return value;
  if (value instanceof Uint) return value.value;
  throw new CelEvaluationError(
    `error during formatting: ${clauseName} clause can only be used on integers, was given ${nameOfType(value)}`,
  );
}

function decimal(value: Value, clauseName: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  throw new CelEvaluationError(
    `error during formatting: ${clauseName} clause can only be used on doubles, was given ${nameOfType(value)}`,
  );
}

function shown(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'null';
  if (typeof value === 'number') return Number.isFinite(value) ? formatDouble(value) : special(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof TypeValue) return value.name;
  if (isTimestamp(value) || isDuration(value)) return value.toString();
  if (value instanceof ListValue) return `[${Array.from(value, shown).join(', ')}]`;
  if (value instanceof MapValue) {
    const entries = Array.from(value.keys(), (key) => [shown(key), shown(value.get(key)!)] as const);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${key}: ${item}`).join(', ')}}`;
  }
  throw new CelEvaluationError(
    `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${nameOfType(value)}`,
  );
}

function special(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}
