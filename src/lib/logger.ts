import { type Logger, pino } from 'pino';

export type { Logger };

/**
 * A structured log: one JSON object per line on standard output, with `level`, `time` (milliseconds), `component` and `msg`.
 * `TRIMAST_LOG_LEVEL` sets the level (trace, debug, info, warn, error, fatal, silent); the default is info.
 */
export function createLogger(component: string): Logger {
  output ??= pino.destination({ fd: 1, sync: false });
  return pino({ level: process.env.TRIMAST_LOG_LEVEL ?? 'info', base: { component } }, output);
}

let output: ReturnType<typeof pino.destination> | undefined;

/** Writes what has been logged and not written yet. At an orderly exit that happens by itself; before `execve` it must be asked for. */
export function flushLog(): void {
  output?.flushSync();
}

/** Swallows everything; for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });
