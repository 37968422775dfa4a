/**
 * Stands in for `src/raft/log-writer.ts`: jobs are encoded and performed as by the real writer thread (log-writer-thread.ts), in the time
 * that the simulated disk takes, and the power can fail between any two of their steps.
 */
import { decodeJob, encodeJob, jobBytes, jobCodes, type LogJob } from '../../src/raft/log-job.ts';
import type { LogWriterOptions } from '../../src/raft/log-writer.ts';
import type { Lane } from '../runtime/lane.ts';
import type { Disk, KeyOperation } from './disk.ts';
import { mounted } from './mounted.ts';

interface Queued {
  readonly job: LogJob;
  readonly done: () => void;
  readonly sinceMs: number;
}

export class LogWriter {
  readonly #disk: Disk;
  readonly #lane: Lane;
  readonly #tailPath: string;
  #running: Queued | undefined;
  readonly #queue: Queued[] = [];
  #closed = false;
  #marks = 0;

  constructor({ tailPath }: LogWriterOptions) {
    const { disk, lane } = mounted();
    this.#disk = disk;
    this.#lane = lane;
    this.#tailPath = tailPath;
  }

  submit(job: LogJob, done: () => void): void {
    if (this.#closed) return;
    const queued = { job, done, sinceMs: this.#lane.monotonicMs() };
    if (this.#running) this.#queue.push(queued);
    else this.#start(queued);
  }

  pendingSinceMs(): number | undefined {
    return this.#running?.sinceMs;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #start(queued: Queued): void {
    this.#running = queued;
    const bytes = Buffer.alloc(jobBytes(queued.job));
    encodeJob(bytes, queued.job);
    const operations: KeyOperation[] = [];
    let lower: Buffer | undefined;
    let raise: Buffer | undefined;
    for (const { code, key, value } of decodeJob(bytes)) {
      if (code === jobCodes.put) operations.push({ key: key.toString('latin1'), value });
      else if (code === jobCodes.delete) operations.push({ key: key.toString('latin1'), value: undefined });
      else if (code === jobCodes.lower) lower = value;
      else raise = value;
    }
    const sync = bytes[0] === 1;
    const write = () => {
      const number = this.#disk.put(operations);
      this.#lane.device(sync ? this.#disk.delayMs : 0, () => {
        if (sync) this.#disk.syncTo(number);
        if (raise) this.#mark(raise, false);
        this.#finish();
      });
    };
    if (!lower) write();
    else
      this.#lane.device(this.#disk.delayMs, () => {
        this.#mark(lower, true);
        write();
      });
  }

  #mark(value: Buffer, sync: boolean): void {
    const file = this.#disk.file(this.#tailPath) ?? this.#disk.create(this.#tailPath);
    file.content = value;
    // Now and then the system writes back what nobody has synced.
    if (!sync && ++this.#marks % 3 !== 0) return;
    file.synced = value;
    this.#disk.syncNames();
  }

  #finish(): void {
    const { done } = this.#running!;
    const next = this.#queue.shift();
    this.#running = undefined;
    if (next) this.#start(next);
    done();
  }
}
