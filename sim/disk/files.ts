/** Stands in for `node:fs/promises` and `node:fs` in production code: the calls that it uses, over a simulated disk. */
import type { Lane } from '../runtime/lane.ts';
import type { Disk, SimulatedFile } from './disk.ts';
import { mounted } from './mounted.ts';

class NotFound extends Error {
  readonly code = 'ENOENT';
}

/** A sync takes what the disk takes; all else is in the page cache. */
function synced(lane: Lane, disk: Disk, finish: () => void): Promise<void> {
  return new Promise((resolve) => {
    lane.at(disk.delayMs, () => {
      finish();
      resolve();
    });
  });
}

class FileHandle {
  readonly #file: SimulatedFile | undefined;
  readonly #disk: Disk;
  readonly #lane: Lane;
  #position = 0;

  constructor(file: SimulatedFile | undefined, disk: Disk, lane: Lane) {
    this.#file = file;
    this.#disk = disk;
    this.#lane = lane;
  }

  async writev(buffers: readonly Uint8Array[]): Promise<void> {
    this.#file!.content = Buffer.concat([this.#file!.content, ...buffers]);
  }

  async write(buffer: Uint8Array): Promise<void> {
    await this.writev([buffer]);
  }

  async read(
    target: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number }> {
    const start = position ?? this.#position;
    const part = this.#file!.content.subarray(start, start + length);
    target.set(part, offset);
    if (position === null) this.#position = start + part.length;
    return { bytesRead: part.length };
  }

  async stat(): Promise<{ size: number }> {
    return { size: this.#file!.content.length };
  }

  async truncate(length: number): Promise<void> {
    this.#file!.content = Buffer.from(this.#file!.content.subarray(0, length));
  }

  sync(): Promise<void> {
    const file = this.#file;
    const content = file?.content;
    return synced(this.#lane, this.#disk, () => {
      // Of a folder: its names.
      if (file) file.synced = content!;
      else this.#disk.syncNames();
    });
  }

  datasync(): Promise<void> {
    return this.sync();
  }

  async close(): Promise<void> {
    this.#position = 0;
  }
}

export async function open(path: string, flags = 'r'): Promise<FileHandle> {
  const { disk, lane } = mounted();
  const found = disk.file(path);
  if (flags.startsWith('w')) return new FileHandle(disk.create(path), disk, lane);
  if (found) {
    // Reading takes its time, and others have their turns meanwhile.
    await synced(lane, disk, () => undefined);
    return new FileHandle(found, disk, lane);
  }
  if (disk.names(path).length > 0) return new FileHandle(undefined, disk, lane);
  if (flags.startsWith('a') || flags === 'r+') return new FileHandle(disk.create(path), disk, lane);
  throw new NotFound(`ENOENT: no such file "${path}"`);
}

export async function rename(from: string, to: string): Promise<void> {
  if (!mounted().disk.rename(from, to)) throw new NotFound(`ENOENT: no such file "${from}"`);
}

export async function rm(path: string, _options?: object): Promise<void> {
  mounted().disk.remove(path);
}

export async function unlink(path: string): Promise<void> {
  mounted().disk.remove(path);
}

export async function readdir(path: string): Promise<string[]> {
  return mounted().disk.names(path);
}

export async function readFile(path: string): Promise<Buffer> {
  const file = mounted().disk.file(path);
  if (!file) throw new NotFound(`ENOENT: no such file "${path}"`);
  return Buffer.from(file.content);
}

export async function stat(path: string): Promise<{ size: number; isFile(): boolean }> {
  const file = mounted().disk.file(path);
  if (!file) throw new NotFound(`ENOENT: no such file "${path}"`);
  return { size: file.content.length, isFile: () => true };
}

/** Folders are made as files need them. */
export async function mkdir(_path: string, _options?: object): Promise<void> {
  mounted();
}

export function mkdirSync(_path: string, _options?: object): void {
  mounted();
}

export function existsSync(path: string): boolean {
  return mounted().disk.file(path) !== undefined;
}

export function readFileSync(path: string): Buffer {
  const file = mounted().disk.file(path);
  if (!file) throw new NotFound(`ENOENT: no such file "${path}"`);
  return Buffer.from(file.content);
}
