/**
 * Reads one attempt's log file and, with `follow`, goes on until that attempt has ended and everything it wrote was read.
 *
 * Rotation (the file is renamed and a new one takes its path) is noticed at the end of the file: the old one is read out, then the new one
 * from its beginning, or the one that was rotated away in between. A reader that falls further behind loses what was compressed meanwhile.
 */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LineSplitter, LogFormatter } from './log-line.ts';
import type { LogOptions } from './log-options.ts';
import { findTailOffset } from './log-tail.ts';

const readBytes = 64 * 1024;
/** Changes are announced by the file system and the agent; this is the safety net. */
const followPollMs = 1_000;
/** The runtime writes the last output a little after the container's end is known. */
const lastOutputDelayMs = 200;

/** What `follow` needs to know about the container. */
export interface LogSource {
  readonly path: string;
  /** True once the attempt that writes this log has ended. */
  ended(): boolean;
  /** Calls back when the answer of `ended` may have changed; returns how to stop. */
  subscribe(onChange: () => void): () => void;
}

/** Yields what `kubectl logs` prints, at most `limitBytes` of it. Ends early when `signal` aborts. @throws ENOENT without a file. */
export async function* readLog(source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  let remainingBytes = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const chunk of readFormatted(source, options, signal)) {
    if (chunk.length >= remainingBytes) {
      yield chunk.subarray(0, remainingBytes);
      return;
    }
    remainingBytes -= chunk.length;
    yield chunk;
  }
}

async function* readFormatted(source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  const formatter = new LogFormatter(options);
  let splitter = new LineSplitter();
  const changes = options.follow ? new Changes(source) : undefined;
  let file = await open(source.path, 'r');
  let next: FileHandle | undefined;
  try {
    let offset =
      options.tailLines === undefined ? 0 : await findTailOffset(file, (await file.stat()).size, options.tailLines);
    let lastLook = !options.follow;
    let isReadOut = false;
    while (!signal.aborted) {
      // Asked before reading: what was written before the end is then read in any case.
      const ended = source.ended();
      for (;;) {
        const block = Buffer.alloc(readBytes);
        const { bytesRead } = await file.read(block, 0, readBytes, offset);
        if (bytesRead === 0 || signal.aborted) break;
        offset += bytesRead;
        const lines = splitter.push(block.subarray(0, bytesRead)).map((line) => formatter.format(line));
        const output = Buffer.concat(lines);
        if (output.length > 0) yield output;
      }
      next ??= changes ? await openRotated(source.path, file) : undefined;
      if (next && !isReadOut) {
        // What was written between our last read and the new file is still to come.
        isReadOut = true;
      } else if (next) {
        await file.close();
        file = next;
        next = undefined;
        isReadOut = false;
        offset = 0;
        splitter = new LineSplitter();
      } else if (lastLook) {
        return;
      } else if (ended) {
        lastLook = true;
        await changes?.wait(lastOutputDelayMs, signal, false);
      } else {
        await changes?.wait(followPollMs, signal, true);
      }
    }
  } finally {
    changes?.close();
    await next?.close();
    await file.close();
  }
}

/** The file that follows the one we have open: the one at the path, or one that was rotated away since, too. */
async function openRotated(path: string, current: FileHandle): Promise<FileHandle | undefined> {
  const [there, here] = await Promise.all([stat(path).catch(() => undefined), current.stat()]);
  if (!there || there.ino === here.ino) return undefined;
  const folder = dirname(path);
  const rotated = (await readdir(folder).catch(() => []))
    .filter((name) => name.startsWith(`${basename(path)}.`) && !/\.(gz|tmp)$/.test(name))
    .sort();
  const inodes = await Promise.all(rotated.map(async (name) => (await stat(join(folder, name)).catch(() => here)).ino));
  const position = inodes.indexOf(here.ino);
  const following = position < 0 ? undefined : rotated[position + 1];
  // Between the renaming and the new file there is none; the next look finds it.
  return open(following === undefined ? path : join(folder, following), 'r').catch(() => undefined);
}

/** Wakes a reader on changes of the log's folder or of the container. A change while nobody waits is not lost. */
class Changes {
  readonly #watcher: FSWatcher | undefined;
  readonly #unsubscribe: () => void;
  #pending = false;
  #wake: (() => void) | undefined;

  constructor(source: LogSource) {
    const changed = () => {
      this.#pending = true;
      this.#wake?.();
    };
    this.#unsubscribe = source.subscribe(changed);
    try {
      this.#watcher = watch(dirname(source.path), changed);
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // Without inotify instances left there is still the poll.
      this.#watcher = undefined;
    }
  }

  /** Resolves after a change (with `onChange`), after `timeoutMs`, or when `signal` aborts. */
  async wait(timeoutMs: number, signal: AbortSignal, onChange: boolean): Promise<void> {
    if (signal.aborted || (onChange && this.#pending)) {
      this.#pending = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, timeoutMs);
      function done() {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
      if (onChange) this.#wake = done;
    });
    this.#wake = undefined;
    this.#pending = false;
  }

  close(): void {
    this.#watcher?.close();
    this.#unsubscribe();
  }
}
