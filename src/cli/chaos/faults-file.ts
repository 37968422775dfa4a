/** The control file of `src/chaos/shims/faults.c`, which draws its bytes. */
import { closeSync, constants as fsConstants, mkdirSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import type { DiskFault } from '../../chaos/types.ts';

const size = 24;

export interface ShimState {
  readonly clockOffsetMs: number;
  readonly disk: DiskFault | undefined;
}

export function encodeFaults({ clockOffsetMs, disk }: ShimState): Buffer {
  const bytes = Buffer.alloc(size);
  const code = disk?.type === 'full' ? constants.errno.ENOSPC : disk?.type === 'error' ? constants.errno.EIO : 0;
  bytes.writeBigInt64LE(BigInt(clockOffsetMs) * 1_000_000n, 0);
  bytes.writeInt32LE(code, 8);
  // A full disk syncs what it has.
  bytes.writeInt32LE(disk?.type === 'error' ? code : 0, 12);
  bytes.writeInt32LE(disk?.type === 'slow' ? disk.syncMs * 1_000 : 0, 16);
  return bytes;
}

/** In place: the file is mapped by the process that it is about. */
export function writeFaults(file: string, state: ShimState): void {
  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(file, fsConstants.O_RDWR | fsConstants.O_CREAT, 0o644);
  try {
    writeSync(descriptor, encodeFaults(state), 0, size, 0);
  } finally {
    closeSync(descriptor);
  }
}
