/**
 * A backup as one file, so that it can be copied, uploaded and checked by itself. Version 1, numbers little-endian:
 *
 * ```
 * 8 bytes   "TRIBKUP1"
 * manifest  u32 length, u32 CRC-32, JSON (see Manifest)
 * chunk*    u32 stored length (> 0), u32 raw length, u32 CRC-32 of the stored bytes, the stored bytes
 * end       u32 0
 * trailer   u32 length, u32 CRC-32, JSON (see Trailer); nothing follows
 * ```
 *
 * Raw chunks one after the other are the store's snapshot, which has checksums and a hash over the state of its own. Each chunk is compressed by
 * itself, so that a damaged one is named and memory stays bounded.
 */
export const magic = Buffer.from('TRIBKUP1');
/** Snapshots come in chunks of 1 MiB; more is damage. */
export const maxChunkBytes = 16 << 20;
export const maxHeadBytes = 1 << 20;

export type Compression = 'none' | 'gzip' | 'zstd';

export interface Manifest {
  readonly format: 1;
  readonly clusterId: string;
  readonly epoch: number;
  readonly revision: number;
  readonly appliedIndex: number;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  /** Of the program that made it. */
  readonly version: string;
  readonly compression: Compression;
}

export interface Trailer {
  readonly chunks: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  /** Over the raw bytes, hexadecimal. */
  readonly sha256: string;
}

const extension = '.backup';

/** `trimast-<cluster>-r<revision>-<time>.backup`: sorts by nothing in particular, but says what a list must know. */
export function backupName({ clusterId, revision, takenAt }: Manifest): string {
  const time = takenAt.replace(/[-:]/g, '').replace(/\.\d+/, '');
  return `trimast-${clusterId}-r${revision}-${time}${extension}`;
}

export interface NamedBackup {
  readonly name: string;
  readonly clusterId: string;
  readonly revision: number;
  readonly takenAt: string;
}

/** Undefined: the file is not one of ours. */
export function parseBackupName(name: string): NamedBackup | undefined {
  const match = /^trimast-([A-Za-z0-9._-]+)-r(\d+)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.backup$/.exec(name);
  if (!match) return undefined;
  const [, clusterId, revision, year, month, day, hour, minute, second] = match;
  const takenAt = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  return { name, clusterId: clusterId!, revision: Number(revision), takenAt };
}
