import { type Logger, pino } from 'pino';

export type { Logger };

/**
 * A structured log: one JSON object per line on standard output, with `level`, `time` (milliseconds), `component` and `msg`.
 * `TRIMAST_LOG_LEVEL` sets the level (trace, debug, info, warn, error, fatal, silent); the default is info.
 */
export function createLogger(component: string): Logger {
  return pino({ level: process.env.TRIMAST_LOG_LEVEL ?? 'info', base: { component } });
}

/** Swallows everything; for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });
