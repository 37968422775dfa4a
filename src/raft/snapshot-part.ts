/**
 * A snapshot file on its way here: its first bytes, in `snapshot-<index>-<term>.part`. What an attempt has brought stays for the next one, whoever
 * makes it: members write the same bytes for the same state, so that leaders who follow each other need not begin anew. It becomes a snapshot when
 * its checksum is that of the last sender's file and it reads as one; otherwise nothing of it stays.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { SnapshotMeta } from './core/types.ts';
import { GradualSync } from './gradual-sync.ts';
import { reasonOf, remedies, StorageError } from './log-storage.ts';
import { snapshotPath, syncFolder, verifySnapshot } from './snapshot-file.ts';

const readBytes = 1 << 20;

export class SnapshotPart {
  readonly #dir: string;
  readonly #meta: SnapshotMeta;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #sync: GradualSync;
  #bytes: number;
  #checksum: number;

  private constructor(
    dir: string,
    meta: SnapshotMeta,
    path: string,
    file: FileHandle,
    bytes: number,
    checksum: number,
  ) {
    this.#dir = dir;
    this.#meta = meta;
    this.#path = path;
    this.#file = file;
    this.#sync = new GradualSync(file);
    this.#bytes = bytes;
    this.#checksum = checksum;
  }

  /** Goes on with what earlier attempts brought of this snapshot; parts of others are removed. One at a time. */
  static async open(dir: string, meta: SnapshotMeta): Promise<SnapshotPart> {
    await mkdir(dir, { recursive: true });
    const path = `${snapshotPath(dir, meta)}.part`;
    for (const name of await readdir(dir))
      if (name.endsWith('.part') && join(dir, name) !== path) await rm(join(dir, name), { force: true });
    const file = await open(path, 'a+');
    const buffer = Buffer.allocUnsafe(readBytes);
    let bytes = 0;
    let checksum = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, readBytes, bytes);
      if (bytesRead === 0) break;
      checksum = crc32(buffer.subarray(0, bytesRead), checksum);
      bytes += bytesRead;
    }
    return new SnapshotPart(dir, meta, path, file, bytes, checksum);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws StorageError */
  async write(data: Uint8Array): Promise<void> {
    await this.#attempt(() => this.#file.writeFile(data));
    await this.#attempt(() => this.#sync.wrote(data.length));
    this.#checksum = crc32(data, this.#checksum);
    this.#bytes += data.length;
  }

  /**
   * Verifies and gives it its name.
   * @throws Error when the transfer was not exact; StorageError `corrupt` when it was, but what was sent is no good snapshot
   */
  async finish(fileBytes: number, fileChecksum: number): Promise<void> {
    if (this.#bytes !== fileBytes || this.#checksum !== fileChecksum) {
      await this.discard();
      throw new Error(
        `what arrived is not what was sent: ${this.#bytes} bytes of ${fileBytes}; the next attempt begins anew`,
      );
    }
    try {
      await verifySnapshot(this.#path, this.#meta);
    } catch (error) {
      await this.discard();
      throw error;
    }
    await this.#attempt(() => this.#file.sync());
    await this.#file.close();
    await rename(this.#path, snapshotPath(this.#dir, this.#meta));
    await syncFolder(this.#dir);
  }

  /** Keeps what is there for the next attempt. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  async #attempt(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (error) {
      const reason = reasonOf(error);
      const { message } = error as Error;
      throw new StorageError(reason, `writing "${this.#path}" failed: ${message}. ${remedies[reason]}`, {
        cause: error,
      });
    }
  }
}
