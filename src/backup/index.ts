/** Backups as files: the format, the places, the schedule. Knows nothing of what a backup holds. */
export { BackupError } from './backup-error.ts';
export { type OpenBackup, openBackup, verifyBackup } from './decode.ts';
export { encodeBackup } from './encode.ts';
export {
  backupName,
  type Compression,
  type Manifest,
  type NamedBackup,
  parseBackupName,
  type Trailer,
} from './format.ts';
export { openBackupSource, openTarget } from './open-target.ts';
export { surplusBackups } from './retention.ts';
export type { S3Options } from './s3/credentials.ts';
export { nextDueMs, parseSchedule, type Schedule } from './schedule.ts';
export type { BackupTarget, StoredBackup } from './target.ts';
