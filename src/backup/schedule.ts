/**
 * When the next backup is due: `every 6h` / `30m` (from one to the next) or five cron fields in UTC (`30 3 * * *`: minute, hour, day of the
 * month, month, day of the week; lists, ranges and steps). As in cron, when both days are given either is enough. Pure.
 */
import { BackupError } from './backup-error.ts';

export type Schedule =
  | { readonly type: 'interval'; readonly intervalMs: number }
  | { readonly type: 'cron'; readonly fields: readonly CronField[] };

interface CronField {
  readonly values: ReadonlySet<number>;
  readonly any: boolean;
}

const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const shortestIntervalMs = 5_000;
const cronFields = [
  { name: 'minute', low: 0, high: 59 },
  { name: 'hour', low: 0, high: 23 },
  { name: 'day of the month', low: 1, high: 31 },
  { name: 'month', low: 1, high: 12 },
  { name: 'day of the week', low: 0, high: 7 },
] as const;
/** A date such as February 29 comes at least once in eight years. */
const searchedDays = 8 * 366;

/** @throws BackupError invalid */
export function parseSchedule(text: string): Schedule {
  const interval = /^(?:every\s+)?(\d+)([smhd])$/.exec(text.trim());
  if (interval) {
    const intervalMs = Number(interval[1]) * units[interval[2]!]!;
    if (intervalMs < shortestIntervalMs) throw invalid(text, `the shortest interval is ${shortestIntervalMs / 1000}s`);
    return { type: 'interval', intervalMs };
  }
  const parts = text.trim().split(/\s+/);
  if (parts.length !== cronFields.length)
    throw invalid(text, 'expected an interval such as "6h" or five cron fields such as "30 3 * * *"');
  return { type: 'cron', fields: parts.map((part, position) => parseField(text, part, cronFields[position]!)) };
}

function parseField(
  text: string,
  part: string,
  { name, low, high }: { readonly name: string; readonly low: number; readonly high: number },
): CronField {
  const values = new Set<number>();
  for (const item of part.split(',')) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(item);
    if (!match) throw invalid(text, `"${item}" is no ${name}`);
    const first = match[1] === undefined ? low : Number(match[1]);
    const step = match[3] === undefined ? 1 : Number(match[3]);
    const open = match[1] === undefined || (match[2] === undefined && match[3] !== undefined);
    const last = match[2] !== undefined ? Number(match[2]) : open ? high : first;
    if (first < low || last > high || first > last || step < 1)
      throw invalid(text, `"${item}" is no ${name} from ${low} to ${high}`);
    for (let value = first; value <= last; value += step) values.add(name === 'day of the week' ? value % 7 : value);
  }
  return { values, any: part.startsWith('*') };
}

/** Milliseconds since 1970; of an interval counted from `lastMs` (undefined: never yet, so now). */
export function nextDueMs(schedule: Schedule, lastMs: number | undefined, nowMs: number): number {
  if (schedule.type === 'interval') return lastMs === undefined ? nowMs : Math.max(nowMs, lastMs + schedule.intervalMs);
  // A time that passed while nobody led is made up for.
  return nextCronMs(schedule.fields, lastMs === undefined ? nowMs : lastMs);
}

function nextCronMs(fields: readonly CronField[], afterMs: number): number {
  const [minutes, hours, monthDays, months, weekDays] = fields as [
    CronField,
    CronField,
    CronField,
    CronField,
    CronField,
  ];
  const start = new Date(afterMs);
  for (let offset = 0; offset <= searchedDays; offset++) {
    const day = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate() + offset));
    if (!months.values.has(day.getUTCMonth() + 1)) continue;
    const inMonth = monthDays.values.has(day.getUTCDate());
    const inWeek = weekDays.values.has(day.getUTCDay());
    if (monthDays.any || weekDays.any ? !(inMonth && inWeek) : !(inMonth || inWeek)) continue;
    for (const hour of [...hours.values].sort((a, b) => a - b)) {
      for (const minute of [...minutes.values].sort((a, b) => a - b)) {
        const candidateMs = day.getTime() + hour * 3_600_000 + minute * 60_000;
        if (candidateMs > afterMs) return candidateMs;
      }
    }
  }
  return Number.POSITIVE_INFINITY;
}

function invalid(text: string, why: string): BackupError {
  return new BackupError('invalid', `backup schedule ${JSON.stringify(text)}: ${why}`);
}
