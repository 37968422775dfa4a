/** How much a folder holds, as `du` counts it: blocks, each file once, without going into other file systems. */
import { lstat, opendir, statfs } from 'node:fs/promises';
import { join } from 'node:path';

export interface DiskUsage {
  readonly bytes: number;
  readonly inodes: number;
}

const BLOCK_BYTES = 512;
/** A pod may make more files than is worth counting; what was counted until then is returned. */
const MAX_ENTRIES = 1_000_000;

export async function diskUsage(folder: string): Promise<DiskUsage> {
  const top = await lstat(folder).catch(() => undefined);
  if (!top) return { bytes: 0, inodes: 0 };
  const seen = new Set<number>([top.ino]);
  let bytes = top.blocks * BLOCK_BYTES;
  const waiting = top.isDirectory() ? [folder] : [];
  for (let at = waiting.pop(); at !== undefined && seen.size < MAX_ENTRIES; at = waiting.pop()) {
    // Gone in between: nothing to count.
    const entries = await opendir(at).catch(() => undefined);
    if (!entries) continue;
    for await (const entry of entries) {
      const path = join(at, entry.name);
      const stats = await lstat(path).catch(() => undefined);
      if (!stats || stats.dev !== top.dev || seen.has(stats.ino)) continue;
      seen.add(stats.ino);
      bytes += stats.blocks * BLOCK_BYTES;
      if (stats.isDirectory()) waiting.push(path);
    }
  }
  return { bytes, inodes: seen.size };
}

export interface FileSystemUsage {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** Of the whole file system in which `path` lies. */
export async function fileSystemUsage(path: string): Promise<FileSystemUsage> {
  const { blocks, bavail, bsize, files, ffree } = await statfs(path);
  return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize, inodes: files, inodesFree: ffree };
}
