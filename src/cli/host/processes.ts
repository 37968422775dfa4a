/** What the operating system says about processes. A process is (pid, start time): a pid alone may have been given to another. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for the same process only. */
  readonly startTime: string;
}

export type ProcessState = 'running' | 'paused';

const hasProc = existsSync('/proc/self/stat');

/** Undefined when there is no such process, or only its corpse. */
export function inspectProcess(pid: number): (ProcessIdentity & { state: ProcessState }) | undefined {
  return hasProc ? inspectProc(pid) : inspectPs(pid);
}

export function isAlive(identity: ProcessIdentity): boolean {
  return inspectProcess(identity.pid)?.startTime === identity.startTime;
}

/** Returns false when the process is gone. @throws Error when it may not be signalled. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw new Error(`send ${signal} to process ${identity.pid}: not permitted; try as the user who started it`, {
      cause,
    });
  }
}

const pollMs = 5;

/** Resolves true when the process has ended, false when it has not within `timeoutMs`. */
export async function waitForExit(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while (isAlive(identity)) {
    if (performance.now() >= deadlineMs) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return true;
}

/** Processes whose command line satisfies `matches`. Linux only; empty elsewhere. */
export function findProcesses(matches: (args: string[]) => boolean): ProcessIdentity[] {
  if (!hasProc) return [];
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const args = readIfThere(`/proc/${entry}/cmdline`)?.split('\0');
    const identity = args && matches(args) ? inspectProc(Number(entry)) : undefined;
    if (identity) found.push(identity);
  }
  return found;
}

let boot: string | undefined;

/** proc(5): after the name in parentheses, field 3 is the state and field 22 the start, in ticks since boot. */
function inspectProc(pid: number): (ProcessIdentity & { state: ProcessState }) | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (!stat) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  if (state === 'Z' || state === 'X') return undefined;
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return { pid, startTime: `${boot}/${fields[19]}`, state: state === 'T' || state === 't' ? 'paused' : 'running' };
}

function inspectPs(pid: number): (ProcessIdentity & { state: ProcessState }) | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const [state = 'Z', ...start] = line.split(/\s+/);
    if (state.startsWith('Z')) return undefined;
    return { pid, startTime: start.join(' '), state: state.startsWith('T') ? 'paused' : 'running' };
  } catch {
    // ps fails when no process has this pid.
    return undefined;
  }
}

/** A process may end while it is looked at. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
