/** Control groups of pods: cgroup v1 has one tree per controller, v2 a single one; a machine may have both. */
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';
const attempts = 100;
const pauseMs = 20;

/** Folders right under the root of every hierarchy whose name begins with `prefix`. */
export function findCgroups(prefix: string): string[] {
  if (!existsSync(root)) return [];
  const hierarchies = [root, ...subfolders(root).filter((path) => existsSync(join(path, 'cgroup.procs')))];
  return hierarchies.flatMap((hierarchy) =>
    subfolders(hierarchy).filter((path) => path.slice(hierarchy.length + 1).startsWith(prefix)),
  );
}

/** Pids in a cgroup and in everything below it. */
export function processesIn(cgroup: string): number[] {
  const here = readProcs(cgroup);
  return [...here, ...subfolders(cgroup).flatMap(processesIn)];
}

/**
 * Kills what is left in the cgroups and removes them with everything below.
 *
 * @throws Error when one cannot be removed.
 */
export async function removeCgroups(cgroups: readonly string[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    let last: unknown;
    for (const cgroup of cgroups) {
      for (const pid of processesIn(cgroup)) killIfThere(pid);
      try {
        removeTree(cgroup);
      } catch (error) {
        last = error;
      }
    }
    if (last === undefined) return;
    if (attempt === attempts) throw new Error('remove cgroups: something in them does not end', { cause: last });
    // A killed process leaves its cgroup only when its parent has taken note.
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function removeTree(cgroup: string): void {
  if (!existsSync(cgroup)) return;
  for (const child of subfolders(cgroup)) removeTree(child);
  rmdirSync(cgroup);
}

function readProcs(cgroup: string): number[] {
  try {
    return readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    // Removed meanwhile, or a v2 cgroup in threaded mode: nothing to kill here.
    return [];
  }
}

function subfolders(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
  } catch {
    // Removed meanwhile.
    return [];
  }
}
