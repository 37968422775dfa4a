/**
 * Writes the files of a volume so that a reader sees all of the old or all of the new content, as kubelet does:
 *
 *   ..2026_01_01_00_00_00.123/a/b   the files
 *   ..data -> ..2026_…              replaced by rename: the moment of change
 *   a -> ..data/a                   one link per first path segment
 */
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Payload } from './payload.ts';

const DATA_LINK = '..data';

/** Brings the folder to this content; does nothing when it has it already. `group` becomes the files' group. Returns whether it changed. */
export async function writeAtomically(folder: string, payload: Payload, group?: number): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const current = await readlink(join(folder, DATA_LINK)).catch(() => undefined);
  const names = new Set([...payload.keys()].map((path) => path.split('/')[0]!));
  if (current !== undefined && (await isSame(join(folder, current), payload))) {
    // The agent may have ended between the change and its links.
    await linkNames(folder, names);
    return false;
  }
  const generation = `..${new Date().toISOString().replace(/[-:TZ]/g, '_')}${randomBytes(4).toString('hex')}`;
  await writeFiles(join(folder, generation), payload, group);
  const temporary = join(folder, '..data_tmp');
  await rm(temporary, { force: true });
  await symlink(generation, temporary);
  await rename(temporary, join(folder, DATA_LINK));
  await linkNames(folder, names);
  for (const name of await readdir(folder)) {
    if (name.startsWith('..') && name !== DATA_LINK && name !== generation) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
  return true;
}

async function writeFiles(folder: string, payload: Payload, group: number | undefined): Promise<void> {
  await mkdir(folder, { mode: 0o755 });
  await chmod(folder, 0o755);
  for (const [path, file] of payload) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, file.data, { mode: 0o600 });
    if (group !== undefined || file.owner !== undefined) await chown(target, file.owner ?? 0, group ?? 0);
    // Set after writing: the mode given at creation is cut by the umask. A group must at least be able to read.
    await chmod(target, group === undefined ? file.mode : file.mode | 0o040);
  }
}

async function linkNames(folder: string, names: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('..') && !names.has(name)) await rm(join(folder, name), { force: true, recursive: true });
  }
  for (const name of names) {
    const exists = await lstat(join(folder, name)).catch(() => undefined);
    if (!exists) await symlink(join(DATA_LINK, name), join(folder, name));
  }
}

async function isSame(folder: string, payload: Payload): Promise<boolean> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (names.filter((entry) => entry.isFile()).length !== payload.size) return false;
  for (const [path, file] of payload) {
    const target = join(folder, path);
    const data = await readFile(target).catch(() => undefined);
    if (!data?.equals(file.data)) return false;
    if (((await stat(target)).mode & 0o737) !== (file.mode & 0o737)) return false;
  }
  return true;
}
