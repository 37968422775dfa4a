import { parseBackupName } from './format.ts';
import type { StoredBackup } from './target.ts';

/** Names of the backups of this cluster that are more than `keep`, the oldest first. Others' files are left alone. Pure. */
export function surplusBackups(stored: readonly StoredBackup[], clusterId: string, keep: number): string[] {
  const own = stored
    .map(({ name }) => parseBackupName(name))
    .filter((backup) => backup !== undefined && backup.clusterId === clusterId)
    .map((backup) => backup!);
  own.sort((a, b) => a.takenAt.localeCompare(b.takenAt) || a.revision - b.revision);
  return own.slice(0, Math.max(0, own.length - keep)).map(({ name }) => name);
}
