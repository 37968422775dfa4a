/** Ends a member's process and waits until it has ended. */
import { CliError } from '../cli-error.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import type { Member } from '../cluster/topology.ts';
import { signalProcess, waitForExit } from '../host/processes.ts';
import { findUnrecorded } from './launch.ts';
import { removePidFile, runningProcess } from './pid-file.ts';

const stopTimeoutMs = 30_000;
const killTimeoutMs = 10_000;

/** Returns the pid, or undefined when it did not run. @throws CliError when it does not end in time. */
export async function stopMember(
  member: Member,
  paths: ClusterPaths,
  signal: 'SIGTERM' | 'SIGKILL',
  timeoutMs: number = signal === 'SIGTERM' ? stopTimeoutMs : killTimeoutMs,
): Promise<number | undefined> {
  const identity = runningProcess(paths.runDir, member.name) ?? findUnrecorded(member, paths);
  if (!identity) return undefined;
  signalProcess(identity, signal);
  // A paused process takes in a SIGTERM only when it goes on.
  if (signal === 'SIGTERM') signalProcess(identity, 'SIGCONT');
  if (!(await waitForExit(identity, timeoutMs))) {
    const advice = signal === 'SIGTERM' ? `; try "trimast kill ${member.name}"` : '; see its state with ps';
    throw new CliError(
      `${member.name} (process ${identity.pid}) has not ended ${timeoutMs} ms after ${signal}${advice}`,
    );
  }
  removePidFile(paths.runDir, member.name);
  return identity.pid;
}

/** SIGTERM, and SIGKILL for what has not ended `graceMs` later. */
export async function endMember(member: Member, paths: ClusterPaths, graceMs: number): Promise<void> {
  try {
    await stopMember(member, paths, 'SIGTERM', graceMs);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    await stopMember(member, paths, 'SIGKILL');
  }
}
