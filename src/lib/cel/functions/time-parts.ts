/** Parts of timestamps, in UTC or a named zone, and of durations. */
import { CelEvaluationError } from '../errors.ts';
import { method, type Overload } from '../overload.ts';
import { type Duration, floorDivide, type Timestamp } from '../time.ts';

const ms = 1_000_000n;
const offsetPattern = /^([+-])?(\d{2}):(\d{2})$/;
const maxCached = 64;
const formats = new Map<string, Intl.DateTimeFormat>();

function zoneFormat(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch (error) {
    throw new CelEvaluationError(`unknown time zone ${zone}`, { cause: error });
  }
  if (formats.size >= maxCached) formats.clear();
  formats.set(zone, format);
  return format;
}

/** Minutes east of UTC at that instant. */
function offsetMinutes(epochMs: number, zone: string): number {
  const fixed = offsetPattern.exec(zone);
  if (fixed) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3]));
  const part = zoneFormat(zone)
    .formatToParts(epochMs)
    .find(({ type }) => type === 'timeZoneName');
  const match = /([+-])(\d{2}):(\d{2})/.exec(part?.value ?? '');
  return match ? (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) : 0;
}

/** A date whose UTC parts are those of the zone. */
function inZone(timestamp: Timestamp, zone = 'UTC'): Date {
  const epochMs = Number(floorDivide(timestamp.nanos, ms));
  return new Date(epochMs + offsetMinutes(epochMs, zone) * 60_000);
}

const parts: readonly [string, (date: Date) => number][] = [
  ['getFullYear', (date) => date.getUTCFullYear()],
  ['getMonth', (date) => date.getUTCMonth()],
  ['getDayOfYear', (date) => Math.floor((dayStart(date) - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000)],
  ['getDayOfMonth', (date) => date.getUTCDate() - 1],
  ['getDate', (date) => date.getUTCDate()],
  ['getDayOfWeek', (date) => date.getUTCDay()],
  ['getHours', (date) => date.getUTCHours()],
  ['getMinutes', (date) => date.getUTCMinutes()],
  ['getSeconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', (date) => date.getUTCMilliseconds()],
];

function dayStart(date: Date): number {
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
}

const durationParts: readonly [string, bigint][] = [
  ['getHours', 3_600_000_000_000n],
  ['getMinutes', 60_000_000_000n],
  ['getSeconds', 1_000_000_000n],
];

export const timeOverloads: readonly Overload[] = [
  ...parts.flatMap(([name, part]) => [
    method(name, `timestamp_${name}`, 'timestamp -> int', (at: Timestamp) => BigInt(part(inZone(at)))),
    method(name, `timestamp_${name}_with_tz`, 'timestamp, string -> int', (at: Timestamp, zone: string) =>
      BigInt(part(inZone(at, zone))),
    ),
  ]),
  ...durationParts.map(([name, unit]) =>
    method(name, `duration_${name}`, 'duration -> int', ({ nanos }: Duration) => nanos / unit),
  ),
  method(
    'getMilliseconds',
    'duration_getMilliseconds',
    'duration -> int',
    ({ nanos }: Duration) => (nanos % 1_000_000_000n) / ms,
  ),
];
