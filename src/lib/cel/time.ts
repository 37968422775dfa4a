/** Timestamps and durations, to the nanosecond. */
import { CelEvaluationError } from './errors.ts';

const second = 1_000_000_000n;

export class Timestamp {
  /** Since 1970-01-01T00:00:00Z. */
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  /** RFC 3339 in UTC. */
  toString(): string {
    const seconds = floorDivide(this.nanos, second);
    const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
    return `${text}${fraction(this.nanos - seconds * second)}Z`;
  }
}

export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  /** Seconds, as JSON has it: `90s`, `0.5s`. */
  toString(): string {
    const magnitude = this.nanos < 0n ? -this.nanos : this.nanos;
    return `${this.nanos < 0n ? '-' : ''}${magnitude / second}${fraction(magnitude % second)}s`;
  }
}

export function isTimestamp(value: unknown): value is Timestamp {
  return value instanceof Timestamp;
}

export function isDuration(value: unknown): value is Duration {
  return value instanceof Duration;
}

function fraction(nanos: bigint): string {
  return nanos === 0n ? '' : `.${nanos.toString().padStart(9, '0').replace(/0+$/, '')}`;
}

export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

const instantPattern = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:[.,](\d+))?([Zz]|[+-]\d{2}:\d{2})$/;

/** RFC 3339, or a date alone. @throws CelEvaluationError */
export function instantFromText(text: string): Timestamp {
  const wrong = new CelEvaluationError(`invalid timestamp: ${JSON.stringify(text)}`);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    const ms = Date.parse(`${text}T00:00:00Z`);
    if (Number.isNaN(ms)) throw wrong;
    return new Timestamp(BigInt(ms) * 1_000_000n);
  }
  const match = instantPattern.exec(text);
  const ms = match ? Date.parse(`${match[1]}T${match[2]}${match[4]!.toUpperCase()}`) : Number.NaN;
  if (!match || Number.isNaN(ms)) throw wrong;
  const nanos = BigInt((match[3] ?? '').padEnd(9, '0').slice(0, 9));
  return new Timestamp(BigInt(ms) * 1_000_000n + nanos);
}

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
};
const partPattern = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
const maxDuration = 2n ** 63n - 1n;
const maxFractionDigits = 18;

/** `1h30m`, `-1.5s`, `0`. @throws CelEvaluationError */
export function durationFromText(text: string): Duration {
  const wrong = new CelEvaluationError(`time: invalid duration ${JSON.stringify(text)}`);
  const negative = text.startsWith('-');
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return new Duration(0n);
  if (body === '') throw wrong;
  let nanos = 0n;
  partPattern.lastIndex = 0;
  while (partPattern.lastIndex < body.length) {
    const match = partPattern.exec(body);
    if (!match || (match[1] === '' && !match[2])) throw wrong;
    const unit = units[match[3]!]!;
    const digits = (match[2] ?? '').slice(0, maxFractionDigits);
    nanos += BigInt(match[1] || 0) * unit + (BigInt(digits || 0) * unit) / 10n ** BigInt(digits.length);
    if (nanos > maxDuration) throw wrong;
  }
  return new Duration(negative ? -nanos : nanos);
}
