/** iproute2, in the network namespace in which the agent runs. */
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

const commandTimeoutMs = 5_000;
const maxOutputBytes = 64 * 1024 * 1024;
const monitorPauseMs = 1_000;
const maxLineBytes = 64 * 1024;
const run = promisify(execFile);

/** @throws Error with what the program said */
export async function ip(...args: string[]): Promise<string> {
  const { stdout } = await run('ip', args, { timeout: commandTimeoutMs, maxBuffer: maxOutputBytes });
  return stdout;
}

/** What `ip -json …` prints; nothing at all means none. */
export async function ipJson<T>(...args: string[]): Promise<T[]> {
  const output = await ip('-json', ...args);
  return JSON.parse(output.trim() === '' ? '[]' : output) as T[];
}

/** Many commands at once. `force`: go on after one that fails. @throws Error with what the program said */
export function ipBatch(lines: readonly string[], options: { force?: boolean } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = [...(options.force ? ['-force'] : []), '-batch', '-'];
    const child = spawn('ip', args, { stdio: ['pipe', 'ignore', 'pipe'], timeout: commandTimeoutMs });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(0, maxLineBytes);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0 || options.force) resolve();
      else reject(new Error(`ip -batch: ${said.trim() || `exit code ${code}`}`));
    });
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(`${lines.join('\n')}\n`);
  });
}

/** Calls back with each line that `ip -oneline monitor` prints, as the kernel tells of it, until stopped; and once after each gap in which lines may have been missed. */
export function monitorIp(
  what: readonly ('link' | 'address' | 'route')[],
  options: { readonly clock: Clock; readonly logger: Logger },
  onLine: (line: string | undefined) => void,
): () => void {
  let child: ReturnType<typeof spawn> | undefined;
  let stopped = false;
  let cancel: (() => void) | undefined;
  const start = (): void => {
    if (stopped) return;
    child = spawn('ip', ['-oneline', 'monitor', ...what], { stdio: ['ignore', 'pipe', 'ignore'] });
    let rest = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!.slice(-maxLineBytes);
      for (const line of lines) onLine(line);
    });
    child.on('error', (error) => options.logger.warn({ err: error }, 'changes of the network are not seen'));
    child.on('close', () => {
      if (stopped) return;
      cancel = options.clock.setTimer(monitorPauseMs, start);
    });
    // What changed while nobody listened.
    child.once('spawn', () => onLine(undefined));
  };
  start();
  return () => {
    stopped = true;
    cancel?.();
    child?.kill();
  };
}
