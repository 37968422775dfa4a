/**
 * Resource quantities (`500m`, `1.5Gi`, `1e3`), exact: a whole number of nano-units.
 *
 * Canonical form, as Kubernetes prints it: no fraction, the largest suffix that leaves none, in the notation it was written
 * in. Precision past nano rounds away from zero. Binary notation falls back to decimal below 1024 and for fractions.
 */

export type QuantityFormat = 'decimalSI' | 'binarySI' | 'decimalExponent';

export interface Quantity {
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

const pattern = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*)([-+]?[0-9]*)$/;
const outerPattern = '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$';
const outerRegExp = new RegExp(outerPattern);
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const nano = 1_000_000_000n;
/** Larger magnitudes are cut to this, as upstream does. */
const maxUnits = 2n ** 63n - 1n;
/** Bounds the work on an exponent that someone sends. */
const maxExponent = 100;
const maxTextLength = 256;

/** @throws QuantityError with upstream's wording. */
export function parseQuantity(text: string): Quantity {
  if (text === '') throw new QuantityError(`quantities must match the regular expression '${outerPattern}'`);
  if (text.length > maxTextLength || !outerRegExp.test(text)) {
    throw new QuantityError(`quantities must match the regular expression '${outerPattern}'`);
  }
  const match = pattern.exec(text);
  if (!match) throw new QuantityError('unable to parse numeric part of quantity');
  const [, sign, whole = '', fraction = '', letters = '', exponentText = ''] = match;
  if (whole === '' && fraction === '') throw new QuantityError('unable to parse numeric part of quantity');
  const { format, factor, shift } = parseSuffix(letters, exponentText);
  // value = digits × factor × 10^(shift - fraction.length)
  const numerator = BigInt(whole + fraction) * factor;
  const power = shift - fraction.length + 9;
  let nanos: bigint;
  if (power >= 0) nanos = numerator * 10n ** BigInt(power);
  else {
    const divisor = 10n ** BigInt(-power);
    nanos = (numerator + divisor - 1n) / divisor;
  }
  if (nanos > maxUnits * nano) nanos = maxUnits * nano;
  return { nanos: sign === '-' ? -nanos : nanos, format };
}

function parseSuffix(letters: string, digits: string): { format: QuantityFormat; factor: bigint; shift: number } {
  if ((letters === 'e' || letters === 'E') && /[0-9]/.test(digits)) {
    const shift = Number(digits);
    if (Math.abs(shift) > maxExponent) throw new QuantityError("unable to parse quantity's suffix");
    return { format: 'decimalExponent', factor: 1n, shift };
  }
  if (digits !== '') throw new QuantityError("unable to parse quantity's suffix");
  const binary = binarySuffixes.indexOf(letters);
  if (binary > 0) return { format: 'binarySI', factor: 1024n ** BigInt(binary), shift: 0 };
  const decimal = decimalSuffixes.indexOf(letters);
  if (decimal < 0) throw new QuantityError("unable to parse quantity's suffix");
  return { format: 'decimalSI', factor: 1n, shift: (decimal - 3) * 3 };
}

/** Canonical text. */
export function formatQuantity(quantity: Quantity): string {
  const { nanos } = quantity;
  if (nanos === 0n) return '0';
  const sign = nanos < 0n ? '-' : '';
  const magnitude = nanos < 0n ? -nanos : nanos;
  if (quantity.format === 'binarySI' && magnitude >= 1024n * nano && magnitude % nano === 0n) {
    let units = magnitude / nano;
    let index = 0;
    while (index < binarySuffixes.length - 1 && units % 1024n === 0n) {
      units /= 1024n;
      index++;
    }
    return `${sign}${units}${binarySuffixes[index]}`;
  }
  let units = magnitude;
  let thousands = 0;
  while (units % 1000n === 0n && (quantity.format === 'decimalExponent' || thousands < decimalSuffixes.length - 1)) {
    units /= 1000n;
    thousands++;
  }
  if (quantity.format === 'decimalExponent') {
    const exponent = (thousands - 3) * 3;
    return exponent === 0 ? `${sign}${units}` : `${sign}${units}e${exponent}`;
  }
  return `${sign}${units}${decimalSuffixes[thousands]}`;
}

/** `1000m` → `1`. @throws QuantityError */
export function canonicalQuantity(text: string): string {
  return formatQuantity(parseQuantity(text));
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
}

/** In the notation of the first that is not zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos - b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

/** Thousandths (milli-CPU), rounded up. Exact up to 2^53. */
export function milliValue(quantity: Quantity): number {
  return Number(divideUp(quantity.nanos, 1_000_000n));
}

/** Whole units (bytes), rounded up. Exact up to 2^53. */
export function unitValue(quantity: Quantity): number {
  return Number(divideUp(quantity.nanos, nano));
}

function divideUp(value: bigint, divisor: bigint): bigint {
  // BigInt division truncates towards zero, which is up for negative numbers.
  return value > 0n ? (value + divisor - 1n) / divisor : value / divisor;
}
