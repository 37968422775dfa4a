/** What the operating system says about processes. A process is (pid, start time): a pid alone may have been given to another. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for the same process only. */
  readonly startTime: string;
}

/** `ending`: killed, but a thread of it still waits for a disk, so its files and locks are held. */
export type ProcessState = 'running' | 'paused' | 'ending';

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

function inspectProc(pid: number): (ProcessIdentity & { state: ProcessState }) | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const found = stat && parseProcStat(stat);
  if (!found) return undefined;
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return { pid, startTime: `${boot}/${found.startTicks}`, state: found.state };
}

/**
 * `/proc/PID/stat` as in proc(5): after the name in parentheses, field 3 is the first thread's state, field 20 the number of threads, field 22 the
 * start in ticks since boot. The first thread is a corpse at once; the process is only when no other thread is left. Undefined: it has ended.
 */
export function parseProcStat(stat: string): { state: ProcessState; startTicks: string } | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [first, threads, startTicks] = [fields[0], Number(fields[17]), fields[19]!];
  if (first === 'Z' || first === 'X') return threads > 1 ? { state: 'ending', startTicks } : undefined;
  return { state: first === 'T' || first === 't' ? 'paused' : 'running', startTicks };
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
