/**
 * Brings a large file to disk while it is written. What is left in the page cache until the end goes out in one piece then, and the log's own
 * syncs wait behind it: with most file systems for as long as all of it takes.
 */
import type { FileHandle } from 'node:fs/promises';

const stepBytes = 2 << 20;

export class GradualSync {
  readonly #file: Pick<FileHandle, 'datasync'>;
  #unsynced = 0;

  constructor(file: Pick<FileHandle, 'datasync'>) {
    this.#file = file;
  }

  /** So much has been written; resolves when most of it is on disk. @throws what the disk says */
  async wrote(bytes: number): Promise<void> {
    this.#unsynced += bytes;
    if (this.#unsynced < stepBytes) return;
    this.#unsynced = 0;
    await this.#file.datasync();
  }
}
