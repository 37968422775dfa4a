/** Mounts below a folder, and their removal. */
import { readFileSync } from 'node:fs';
import { run, tryRun } from './run.ts';

/** From the text of /proc/self/mountinfo (proc(5)): mount points at or below one of `folders`, latest first. */
export function mountsBelow(mountinfo: string, folders: readonly string[]): string[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((point): point is string => point !== undefined)
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((point) => folders.some((folder) => point === folder || point.startsWith(`${folder}/`)))
    .reverse();
}

/** @throws Error when a mount is in use for good. */
export async function removeMounts(folders: readonly string[]): Promise<void> {
  // A mount may hide another one.
  for (let round = 0; round < 10; round++) {
    const points = mountsBelow(readFileSync('/proc/self/mountinfo', 'utf8'), folders);
    if (points.length === 0) return;
    for (const point of points) {
      const result = await tryRun('umount', [point]);
      if (result.exitCode !== 0) await run('umount', ['--lazy', point]);
    }
  }
}
