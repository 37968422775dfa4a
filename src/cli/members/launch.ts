/** Starts a member as a process of its own: detached, in its network namespace, with its output in its log. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import type { ClusterPaths } from '../cluster/paths.ts';
import { mainScript } from '../cluster/paths.ts';
import type { Member } from '../cluster/topology.ts';
import { namespacePath } from '../host/network.ts';
import { findProcesses, inspectProcess, type ProcessIdentity } from '../host/processes.ts';
import { writePidFile } from './pid-file.ts';

/** A log larger than this becomes `MEMBER.log.1` at the member's next start. */
const rotateBytes = 16 * 1024 * 1024;

/**
 * What keeps our processes small; bench/README.md has the figures. Young garbage is collected every few MiB instead of every 32, old
 * garbage when the heap has grown by a half instead of doubled. The C library gives back what is free, instead of keeping an arena for every thread
 * and large buffers among small ones. The launcher (`./trimast`) does the same for members that somebody else starts.
 */
const nodeOptions = ['--max-semi-space-size=4', '--heap-growing-percent=50'];
const allocatorEnvironment = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: String(256 << 10),
  MALLOC_TRIM_THRESHOLD_: String(2 << 20),
};

export function memberCommand(member: Member, paths: ClusterPaths): [command: string, ...args: string[]] {
  if (member.kind === 'containerd') return ['containerd', '--config', paths.configFile(member.name, 'toml')];
  const config = ['--config', paths.configFile(member.name)];
  return [process.execPath, ...process.execArgv, ...nodeOptions, mainScript, member.kind, ...config];
}

/**
 * A process of this member that no pid file knows, because the command that started it was killed just then. It carries the path of the
 * member's configuration.
 */
export function findUnrecorded(member: Member, paths: ClusterPaths): ProcessIdentity | undefined {
  const command = memberCommand(member, paths);
  const config = command.at(-1)!;
  return findProcesses((args) => args.includes(config) && (args.includes(member.kind) || args[0] === command[0]))[0];
}

/** @throws Error when the program cannot be started at all; that it goes on running is the caller's to watch. */
export async function launch(
  member: Member,
  paths: ClusterPaths,
  environment: Readonly<Record<string, string>> = {},
): Promise<ProcessIdentity> {
  for (const dir of [paths.logsDir, paths.runDir]) mkdirSync(dir, { recursive: true });
  const logFile = paths.logFile(member.name);
  rotate(logFile);
  const log = openSync(logFile, 'a', 0o644);
  try {
    const command = memberCommand(member, paths);
    // Not `ip netns exec`: it gives the process mounts of its own, and then a sandbox's mounts would be invisible to everyone else.
    const [program, ...args] = member.namespace
      ? ['nsenter', `--net=${namespacePath(member.namespace)}`, ...command]
      : command;
    const child = spawn(program!, args, {
      cwd: paths.dir,
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...(member.kind !== 'containerd' && allocatorEnvironment), ...environment },
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => reject(new Error(`start ${member.name}: ${cause.message}`, { cause })));
    });
    child.unref();
    const identity = inspectProcess(child.pid!);
    if (!identity) throw new Error(`start ${member.name}: it ended at once`);
    writePidFile(paths.runDir, member.name, identity);
    return identity;
  } finally {
    closeSync(log);
  }
}

function rotate(logFile: string): void {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > rotateBytes) renameSync(logFile, `${logFile}.1`);
}
