/** One command at a time changes a cluster. The lock names its holder, so that a killed one does not block for ever. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CliError } from '../cli-error.ts';
import { inspectProcess, isAlive, type ProcessIdentity } from '../host/processes.ts';

const waitMs = 120_000;
const pollMs = 50;

/** @throws CliError when another command holds the lock for longer than two minutes. */
export async function withLock<T>(lockFile: string, action: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(lockFile), { recursive: true });
  const deadlineMs = performance.now() + waitMs;
  while (!tryLock(lockFile)) {
    const holder = readHolder(lockFile);
    if (!holder || !isAlive(holder)) {
      removeStale(lockFile);
      continue;
    }
    if (performance.now() > deadlineMs) {
      throw new CliError(
        `another trimast command (process ${holder.pid}) has been changing this cluster for two minutes`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  try {
    return await action();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

/** The link appears with its content or not at all. */
function tryLock(lockFile: string): boolean {
  const own = `${lockFile}.${process.pid}`;
  writeFileSync(own, JSON.stringify(inspectProcess(process.pid)));
  try {
    linkSync(own, lockFile);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Moves the lock aside before looking again: between our two looks another command may have taken it, which then gets it back. */
function removeStale(lockFile: string): void {
  const aside = `${lockFile}.stale.${process.pid}`;
  try {
    renameSync(lockFile, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const holder = readHolder(aside);
  try {
    if (holder && isAlive(holder)) linkSync(aside, lockFile);
  } finally {
    rmSync(aside, { force: true });
  }
}

function readHolder(lockFile: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')) as ProcessIdentity;
  } catch {
    // Gone meanwhile, or damaged: either way nobody holds it.
    return undefined;
  }
}
