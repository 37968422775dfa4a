/** `FOLDER` or `s3://bucket/prefix` → the place. */
import { basename, dirname, resolve } from 'node:path';
import { BackupError } from './backup-error.ts';
import { FolderTarget, readBackupFile } from './folder-target.ts';
import { resolveS3Settings, type S3Options } from './s3/credentials.ts';
import { S3Client } from './s3/s3-client.ts';
import { S3Target } from './s3/s3-target.ts';
import type { BackupTarget } from './target.ts';

/** @throws BackupError invalid */
export function openTarget(place: string, options: S3Options = {}): BackupTarget {
  if (!place.startsWith('s3://')) return new FolderTarget(resolve(place));
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(place);
  if (!match) throw new BackupError('invalid', `"${place}": expected s3://bucket/prefix`);
  const [, bucket, prefix = ''] = match;
  return new S3Target(new S3Client(resolveS3Settings(options), bucket!), bucket!, prefix);
}

/** One backup, by its path or `s3://bucket/prefix/NAME`. @throws BackupError */
export async function openBackupSource(place: string, options: S3Options = {}): Promise<AsyncIterable<Uint8Array>> {
  if (!place.startsWith('s3://')) return readBackupFile(resolve(place));
  return openTarget(dirname(place), options).read(basename(place));
}
