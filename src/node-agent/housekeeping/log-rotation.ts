/**
 * Keeps the logs of containers within bounds, as kubelet does: `0.log` that has grown too large becomes `0.log.TIME` and the runtime goes on in a new
 * `0.log`; older ones are compressed to `0.log.TIME.gz`, and of all together only so many are kept.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export interface RotationLimits {
  readonly maxBytes: number;
  /** The one that is written included. */
  readonly maxFiles: number;
}

export const DEFAULT_ROTATION: RotationLimits = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

/** Does nothing while the log is small. `reopen`: has the runtime go on in a new file. @throws Error; the log then goes on as before */
export async function rotateLog(
  path: string,
  limits: RotationLimits,
  nowMs: number,
  reopen: () => Promise<void>,
): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats || stats.size < limits.maxBytes) return false;
  const rotated = `${path}.${timeSuffix(nowMs)}`;
  await cleanUp(path, limits.maxFiles - 2);
  await rename(path, rotated);
  try {
    await reopen();
  } catch (error) {
    // The runtime still writes to that file: it must keep its name.
    await rename(rotated, path);
    throw error;
  }
  return true;
}

/** Compresses those that nobody writes any more, and removes all but `keep` of them. */
async function cleanUp(path: string, keep: number): Promise<void> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  // An unfinished compression of an agent that ended.
  for (const name of names.filter((one) => one.endsWith('.tmp'))) await rm(join(folder, name), { force: true });
  const rotated = names.filter((name) => !name.endsWith('.tmp')).sort();
  const excess = rotated.slice(0, Math.max(0, rotated.length - keep));
  for (const name of excess) await rm(join(folder, name), { force: true });
  for (const name of rotated.slice(excess.length)) {
    if (name.endsWith('.gz')) continue;
    const target = join(folder, `${name}.gz`);
    await pipeline(createReadStream(join(folder, name)), createGzip(), createWriteStream(`${target}.tmp`));
    await rename(`${target}.tmp`, target);
    await rm(join(folder, name), { force: true });
  }
}

function timeSuffix(nowMs: number): string {
  const [date, time] = new Date(nowMs).toISOString().split('T') as [string, string];
  return `${date.replaceAll('-', '')}-${time.slice(0, 12).replaceAll(/[:.]/g, '')}`;
}
