/** `run/MEMBER.pid`: which process a member is. Names the process by start time too, so that a recycled pid is never taken for ours. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../../pki/pki-directory.ts';
import { inspectProcess, type ProcessIdentity, type ProcessState } from '../host/processes.ts';

export interface RunningProcess extends ProcessIdentity {
  readonly state: ProcessState;
}

function pidFile(runDir: string, member: string): string {
  return join(runDir, `${member}.pid`);
}

export function writePidFile(runDir: string, member: string, identity: ProcessIdentity): void {
  mkdirSync(runDir, { recursive: true });
  const { pid, startTime } = identity;
  writeAtomically(pidFile(runDir, member), `${JSON.stringify({ pid, startTime })}\n`, 0o644);
}

export function removePidFile(runDir: string, member: string): void {
  rmSync(pidFile(runDir, member), { force: true });
}

/** The member's process, if it runs. A file that is missing, damaged or about another process means that it does not. */
export function runningProcess(runDir: string, member: string): RunningProcess | undefined {
  let recorded: Partial<ProcessIdentity>;
  try {
    recorded = JSON.parse(readFileSync(pidFile(runDir, member), 'utf8')) as Partial<ProcessIdentity>;
  } catch {
    return undefined;
  }
  if (typeof recorded.pid !== 'number') return undefined;
  const found = inspectProcess(recorded.pid);
  return found?.startTime === recorded.startTime ? found : undefined;
}
