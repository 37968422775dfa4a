/**
 * Reads one attempt's log file and, with `follow`, goes on until that attempt has ended and everything it wrote was read.
 *
 * Rotation (the file is renamed and a new one takes its path) is noticed at the end of the file: the old one is read out, then the new one
 * from its beginning. A log that is rotated twice between two looks loses the middle part, as with every reader of rotated files.
 */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
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
  try {
    let offset =
      options.tailLines === undefined ? 0 : await findTailOffset(file, (await file.stat()).size, options.tailLines);
    let lastLook = !options.follow;
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
      const next = changes ? await openRotated(source.path, file) : undefined;
      if (next) {
        await file.close();
        file = next;
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
    await file.close();
  }
}

/** The file that is now at the path, when it is another one than the one we have open. */
async function openRotated(path: string, current: FileHandle): Promise<FileHandle | undefined> {
  const [there, here] = await Promise.all([stat(path).catch(() => undefined), current.stat()]);
  if (!there || there.ino === here.ino) return undefined;
  // Between the renaming and the new file there is none; the next look finds it.
  return open(path, 'r').catch(() => undefined);
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
