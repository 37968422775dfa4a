/**
 * A master's data folder when its content cannot be trusted or is gone. `REBUILD` in it says that this master is being rebuilt and how far that
 * is, so that a crash in between goes on where it was:
 *
 *   "discard"  the content is to be moved into corrupt-<time>
 *   "join"     it is; the master is to leave the cluster and come back empty
 *   "fill"     it is a member again and gets the state
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type RebuildPhase = 'discard' | 'join' | 'fill';

export interface Rebuild {
  readonly phase: RebuildPhase;
  readonly reason: string;
  /** ISO 8601. */
  readonly since: string;
}

const markerName = 'REBUILD';
const keptNames = new Set([markerName, `${markerName}.tmp`, 'identity.key', 'members.json']);
const asidePrefix = 'corrupt-';
/** Copies for whoever wants to know what happened. */
const maxAside = 2;

export function readRebuild(dataDir: string): Rebuild | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, markerName), 'utf8')) as Rebuild;
  } catch {
    return undefined;
  }
}

export function writeRebuild(dataDir: string, rebuild: Rebuild): void {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, markerName);
  writeFileSync(`${file}.tmp`, `${JSON.stringify(rebuild)}\n`, { flush: true });
  renameSync(`${file}.tmp`, file);
}

export function endRebuild(dataDir: string): void {
  rmSync(join(dataDir, markerName), { force: true });
}

export function hasLog(dataDir: string): boolean {
  return existsSync(join(dataDir, 'log', 'CURRENT'));
}

/** Moves everything of consensus into a folder beside; the two newest such folders are kept. Returns it. */
export function discardContent(dataDir: string, now: Date): string {
  const time = now
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.(\d+)Z/, '$1Z');
  const aside = join(dataDir, `${asidePrefix}${time}`);
  mkdirSync(aside, { recursive: true });
  const names = readdirSync(dataDir);
  for (const name of names)
    if (!keptNames.has(name) && !name.startsWith(asidePrefix)) renameSync(join(dataDir, name), join(aside, name));
  const all = readdirSync(dataDir)
    .filter((name) => name.startsWith(asidePrefix))
    .sort();
  for (const old of all.slice(0, Math.max(0, all.length - maxAside))) rmSync(join(dataDir, old), { recursive: true });
  return aside;
}
