import {
  type BackupTarget,
  backupName,
  type Compression,
  encodeBackup,
  type Manifest,
  type Trailer,
} from '../../backup/index.ts';
import type { TakenSnapshot } from './snapshot-source.ts';

export interface WrittenBackup {
  readonly name: string;
  readonly manifest: Manifest;
  readonly trailer: Trailer;
}

/** @throws BackupError, or what the snapshot's stream threw; then nothing is left in the target. */
export async function writeBackup(
  target: BackupTarget,
  { chunks, ...snapshot }: TakenSnapshot,
  compression: Compression,
): Promise<WrittenBackup> {
  const manifest: Manifest = { format: 1, ...snapshot, takenAt: new Date().toISOString(), compression };
  const name = backupName(manifest);
  let trailer: Trailer | undefined;
  const content = encodeBackup(manifest, chunks, (end) => {
    trailer = end;
  });
  await target.write(name, content);
  return { name, manifest, trailer: trailer! };
}
