/** Runs another program and waits for it. */
import { spawn } from 'node:child_process';

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const timeoutMs = 30_000;

/** Never throws for a program that fails: the caller looks at `exitCode`. @throws Error when it cannot be started. */
export function tryRun(command: string, args: readonly string[], input = ''): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.once('error', (cause) => reject(new Error(`run ${command}: ${cause.message}`, { cause })));
    child.once('close', (code, signal) => {
      resolve({ exitCode: code ?? 128, stdout, stderr: signal ? `${stderr}ended by ${signal}` : stderr });
    });
    // A program that ends without reading its input says why on stderr.
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(input);
  });
}

/** @throws Error with what the program said when it fails. */
export async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const result = await tryRun(command, args, input);
  if (result.exitCode === 0) return result.stdout;
  const said = result.stderr.trim() || result.stdout.trim() || 'it said nothing';
  throw new Error(`${[command, ...args].join(' ')} failed with ${result.exitCode}: ${said}`);
}
