/**
 * Audit events as a file of JSON lines that is turned over when it is full: `audit.log` becomes `audit-<time>.log`, of which so many are kept. Lines
 * are written in batches, in order; what does not fit into the buffer is dropped and counted.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Logger } from '../../lib/logger.ts';
import { auditErrors } from './metrics.ts';

export interface LogFileConfig {
  /** `-`: standard output. */
  readonly path: string;
  /** Default 100. */
  readonly maxSizeMb?: number | undefined;
  /** Files kept beside the current one; default 10. */
  readonly maxBackups?: number | undefined;
  /** Default: for ever. */
  readonly maxAgeDays?: number | undefined;
}

const defaultSizeMb = 100;
const defaultBackups = 10;
/** Lines that wait for the disk. */
const maxBufferedBytes = 32 * 1024 * 1024;
const dayMs = 24 * 3600 * 1000;

export interface AuditSink {
  write(event: object): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

export class AuditLogFile implements AuditSink {
  readonly #config: LogFileConfig;
  readonly #logger: Logger;
  #lines: string[] = [];
  #bufferedBytes = 0;
  #fileBytes = 0;
  #stream: WriteStream | NodeJS.WriteStream | undefined;
  #writing: Promise<void> | undefined;

  constructor(config: LogFileConfig, logger: Logger) {
    this.#config = config;
    this.#logger = logger;
  }

  write(event: object): void {
    const line = `${JSON.stringify(event)}\n`;
    if (this.#bufferedBytes + line.length > maxBufferedBytes) {
      auditErrors.with('log').add();
      return;
    }
    this.#lines.push(line);
    this.#bufferedBytes += line.length;
    this.#writing ??= this.#drain();
  }

  async close(): Promise<void> {
    await this.#writing;
    const stream = this.#stream;
    if (stream && stream !== process.stdout) await new Promise<void>((resolve) => stream.end(resolve));
  }

  async #drain(): Promise<void> {
    // What comes in the same turn goes out together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#lines.length > 0) {
      const lines = this.#lines;
      this.#lines = [];
      this.#bufferedBytes = 0;
      try {
        await this.#append(lines);
      } catch (error) {
        auditErrors.with('log').add(lines.length);
        this.#logger.error({ error: String(error), lines: lines.length }, 'audit events could not be written');
        this.#stream = undefined;
      }
    }
    this.#writing = undefined;
  }

  async #append(lines: readonly string[]): Promise<void> {
    const maxBytes = (this.#config.maxSizeMb ?? defaultSizeMb) * 1024 * 1024;
    let text = '';
    for (const line of lines) {
      const full = this.#fileBytes + Buffer.byteLength(text) + Buffer.byteLength(line) > maxBytes;
      if (full && this.#fileBytes + text.length > 0 && this.#config.path !== '-') {
        if (text !== '') await this.#send(text);
        text = '';
        await this.#turnOver();
      }
      text += line;
    }
    await this.#send(text);
  }

  async #send(text: string): Promise<void> {
    this.#stream ??= await this.#open();
    const stream = this.#stream;
    this.#fileBytes += Buffer.byteLength(text);
    await new Promise<void>((resolve, reject) => stream.write(text, (error) => (error ? reject(error) : resolve())));
  }

  async #open(): Promise<WriteStream | NodeJS.WriteStream> {
    const { path } = this.#config;
    if (path === '-') return process.stdout;
    await mkdir(dirname(path), { recursive: true });
    this.#fileBytes = await stat(path).then(
      ({ size }) => size,
      () => 0,
    );
    const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
    stream.on('error', (error) => this.#logger.error({ error: String(error) }, 'audit log failed'));
    return stream;
  }

  async #turnOver(): Promise<void> {
    const { path, maxBackups = defaultBackups, maxAgeDays } = this.#config;
    const old = this.#stream as WriteStream | undefined;
    if (old) await new Promise<void>((resolve) => old.end(resolve));
    this.#stream = undefined;
    const extension = extname(path);
    const prefix = `${basename(path, extension)}-`;
    const folder = dirname(path);
    const when = new Date().toISOString().replaceAll(':', '-');
    await rename(path, join(folder, `${prefix}${when}${extension}`));
    this.#fileBytes = 0;
    const backups = (await readdir(folder))
      .filter((name) => name.startsWith(prefix) && name.endsWith(extension))
      .sort();
    const tooMany = backups.slice(0, Math.max(0, backups.length - maxBackups));
    const oldest = maxAgeDays === undefined ? undefined : Date.now() - maxAgeDays * dayMs;
    for (const name of backups) {
      const file = join(folder, name);
      const tooOld = oldest !== undefined && (await stat(file)).mtimeMs < oldest;
      if (tooOld || tooMany.includes(name)) await unlink(file);
    }
  }
}
