/** Schedules of CronJobs: five fields of cron, or a descriptor such as `@daily`. Only whether one can be read; running it is the controller's. */

const descriptors = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface Field {
  readonly low: number;
  readonly high: number;
  /** The first stands for `low`. */
  readonly names?: readonly string[];
}

const fields: readonly Field[] = [
  { low: 0, high: 59 },
  { low: 0, high: 23 },
  { low: 1, high: 31 },
  { low: 1, high: 12, names: months },
  { low: 0, high: 6, names: days },
];

const everyPattern = /^@every ([+-]?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+|0)$/;

/** What is wrong with a schedule; undefined when nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  const withoutZone = schedule.replace(/^(?:TZ|CRON_TZ)=\S+\s+/, '').trim();
  if (withoutZone.startsWith('@')) {
    if (descriptors.includes(withoutZone) || everyPattern.test(withoutZone)) return undefined;
    if (withoutZone.startsWith('@every ')) return `failed to parse duration ${withoutZone}`;
    return `unrecognized descriptor: ${withoutZone}`;
  }
  const parts = withoutZone.split(/\s+/).filter((part) => part !== '');
  if (parts.length !== fields.length) {
    return `expected exactly ${fields.length} fields, found ${parts.length}: [${parts.join(' ')}]`;
  }
  for (const [index, part] of parts.entries()) {
    for (const range of part.split(',')) {
      const problem = rangeProblem(range, fields[index]!);
      if (problem) return problem;
    }
  }
  return undefined;
}

function rangeProblem(text: string, field: Field): string | undefined {
  const [range = '', step, ...more] = text.split('/');
  if (more.length > 0) return `too many slashes: ${text}`;
  const [first = '', second, ...beyond] = range.split('-');
  if (beyond.length > 0) return `too many hyphens: ${text}`;
  const all = first === '*' || first === '?';
  const start = all ? field.low : parseValue(first, field);
  const stepped = step !== undefined;
  const end =
    all || (second === undefined && stepped) ? field.high : second === undefined ? start : parseValue(second, field);
  if (start === undefined) return `failed to parse int from ${first}`;
  if (end === undefined) return `failed to parse int from ${second}`;
  if (stepped && !/^\d+$/.test(step)) return `failed to parse int from ${step}`;
  if (stepped && Number(step) === 0) return `step of range should be a positive number: ${text}`;
  if (start < field.low) return `beginning of range (${start}) below minimum (${field.low}): ${text}`;
  if (end > field.high) return `end of range (${end}) above maximum (${field.high}): ${text}`;
  return start > end ? `beginning of range (${start}) beyond end of range (${end}): ${text}` : undefined;
}

function parseValue(text: string, { low, names }: Field): number | undefined {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return low + named;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
