/** Backups in a folder: written as `NAME.tmp`, synced, then renamed. Only their owner may read them: they hold every Secret. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupError } from './backup-error.ts';
import type { BackupTarget, StoredBackup } from './target.ts';

export class FolderTarget implements BackupTarget {
  readonly description: string;
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    this.description = dir;
  }

  async write(name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 }).catch(unavailable(this.#dir));
    const path = join(this.#dir, name);
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        for await (const piece of content) await file.writeFile(piece);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      const folder = await open(this.#dir, 'r');
      await folder.sync().finally(() => folder.close());
    } catch (error) {
      await rm(temporary, { force: true });
      if (error instanceof Error && 'syscall' in error) return unavailable(this.#dir)(error);
      throw error;
    }
  }

  async list(): Promise<StoredBackup[]> {
    const names = await readdir(this.#dir).catch((error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? [] : unavailable(this.#dir)(error),
    );
    const found: StoredBackup[] = [];
    for (const name of names.filter((one) => one.endsWith('.backup')).sort()) {
      const { size } = await stat(join(this.#dir, name)).catch(unavailable(this.#dir));
      found.push({ name, bytes: size });
    }
    return found;
  }

  async read(name: string): Promise<AsyncIterable<Uint8Array>> {
    return readBackupFile(join(this.#dir, name));
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#dir, name), { force: true }).catch(unavailable(this.#dir));
  }
}

/** @throws BackupError not-found */
export async function readBackupFile(path: string): Promise<AsyncIterable<Uint8Array>> {
  await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new BackupError(
      cause.code === 'ENOENT' ? 'not-found' : 'unavailable',
      `cannot read ${path}: ${cause.message}`,
      { cause },
    );
  });
  return createReadStream(path, { highWaterMark: 1 << 20 });
}

function unavailable(dir: string): (cause: Error) => never {
  return (cause) => {
    throw new BackupError('unavailable', `the folder ${dir} cannot be used for backups: ${cause.message}`, { cause });
  };
}
