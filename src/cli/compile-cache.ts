import { flushCompileCache } from 'node:module';

/** Long enough for everything that a start loads to have been loaded. */
const delayMs = 5_000;

/**
 * Writes what this process has compiled to Node's compile cache (the launcher's NODE_COMPILE_CACHE), so that the next start is faster.
 * Node does so by itself only when a process ends in peace, which members of a cluster often do not.
 */
export function keepCompiledCode(): void {
  setTimeout(() => flushCompileCache(), delayMs).unref();
}
