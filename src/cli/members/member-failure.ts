/** Tells a person which member failed, why, and what it said last. */
import { statSync } from 'node:fs';
import { CliError } from '../cli-error.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { lastLines } from './log-tail.ts';

const shownLines = 15;

export function logSize(paths: ClusterPaths, member: string): number {
  return statSync(paths.logFile(member), { throwIfNoEntry: false })?.size ?? 0;
}

export function memberFailure(paths: ClusterPaths, member: string, cause: string): CliError {
  const file = paths.logFile(member);
  const lines = lastLines(file, shownLines).map((line) => `    ${readable(line)}`);
  const log = lines.length > 0 ? `Last lines of ${file}:\n${lines.join('\n')}` : `Its log ${file} is empty.`;
  return new CliError(`${member}: ${cause}. ${log}`);
}

const levels: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };

/** A pino line as `12:00:00.000 error text {"more":1}`; any other line as it is. */
export function readable(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { time, level, msg, component, ...rest } = JSON.parse(line) as Record<string, unknown>;
    if (typeof time !== 'number' || typeof level !== 'number') return line;
    const clock = new Date(time).toISOString().slice(11, 23);
    const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
    return `${clock} ${levels[level] ?? level} ${component ?? ''}: ${msg ?? ''}${more}`;
  } catch {
    return line;
  }
}
