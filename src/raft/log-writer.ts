/**
 * The Raft thread's side of the log's writer thread: jobs go in order, one at a time, and the Raft thread never waits for the disk, so
 * that no fsync holds up a heartbeat. While one job is written, the node collects everything else into its next: group commit.
 *
 * The binding writes on the calling thread, hence the thread. A job is encoded into shared memory and announced with Atomics: the
 * writer sleeps in Atomics.wait, the Raft thread is told through Atomics.waitAsync. Measured (Node 26, 2 busy cores), there and
 * back, median / 99th percentile / CPU: postMessage both ways 23 / 120 / 35 µs; Atomics.wait there and postMessage back 10 / 67 / 15 µs;
 * this 6 / 38 / 9 µs. Against the 200 µs of a sync that is little, so even small batches go this way: a disk that
 * was fast a moment ago may hang in the next.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { encodeJob, jobBytes, type LogJob } from './log-job.ts';

/** Larger jobs get memory of their own for once. */
const mailboxBytes = 1 << 20;

/** Control words. `bytes` is the length of the job; 0 asks the writer to end. */
export const control = { asked: 0, answered: 1, bytes: 2 } as const;

export interface LogWriterData {
  readonly handle: bigint;
  readonly dir: string;
  readonly tailPath: string;
  readonly shared: SharedArrayBuffer;
  readonly controlWords: SharedArrayBuffer;
  readonly port: MessagePort;
}

export interface LogWriterOptions {
  readonly handle: bigint;
  readonly dir: string;
  readonly tailPath: string;
  /** Default log-writer-thread.ts beside this file; for bundles. */
  readonly workerUrl?: URL | undefined;
  /** The writer failed; no job is done any more. */
  readonly onError: (error: Error) => void;
}

interface Queued {
  readonly job: LogJob;
  readonly done: () => void;
  readonly sinceMs: number;
}

export class LogWriter {
  readonly #worker: Worker;
  readonly #words: Int32Array;
  readonly #mailbox: Uint8Array;
  readonly #port: MessagePort;
  readonly #ended: Promise<void>;
  #asked = 0;
  #running: Queued | undefined;
  readonly #queue: Queued[] = [];
  readonly #onError: (error: Error) => void;
  /** Ends when everything is done; takes nothing more. */
  #closing = false;

  constructor({ handle, dir, tailPath, workerUrl, onError }: LogWriterOptions) {
    const shared = new SharedArrayBuffer(mailboxBytes);
    const controlWords = new SharedArrayBuffer(12);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#onError = onError;
    this.#words = new Int32Array(controlWords);
    this.#mailbox = new Uint8Array(shared);
    const data: LogWriterData = { handle, dir, tailPath, shared, controlWords, port: port2 };
    this.#worker = new Worker(workerUrl ?? new URL('./log-writer-thread.ts', import.meta.url), {
      workerData: data,
      transferList: [port2],
      name: 'raft-log',
    });
    this.#worker.on('error', (error: Error) => {
      this.#closing = true;
      onError(error);
    });
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
  }

  /** Calls `done` when the job is on disk. */
  submit(job: LogJob, done: () => void): void {
    if (this.#closing) return;
    const queued = { job, done, sinceMs: performance.now() };
    if (this.#running) this.#queue.push(queued);
    else this.#start(queued);
  }

  pendingSinceMs(): number | undefined {
    return this.#running?.sinceMs;
  }

  /** Resolves when all jobs are done, or the writer has failed, and the thread has ended. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      if (!this.#running) this.#announce(0);
    }
    await this.#ended;
    this.#port.close();
  }

  #start(queued: Queued): void {
    this.#running = queued;
    const bytes = jobBytes(queued.job);
    if (bytes > this.#mailbox.length) {
      const own = new SharedArrayBuffer(bytes);
      encodeJob(new Uint8Array(own), queued.job);
      this.#port.postMessage(own);
    } else encodeJob(this.#mailbox, queued.job);
    this.#announce(bytes);
    const asked = this.#asked;
    const answer = Atomics.waitAsync(this.#words, control.answered, asked - 1);
    if (answer.async)
      answer.value.then(() => this.#finish()).catch((error: Error) => setImmediate(() => this.#onError(error)));
    else queueMicrotask(() => this.#finish());
  }

  #announce(bytes: number): void {
    Atomics.store(this.#words, control.bytes, bytes);
    Atomics.store(this.#words, control.asked, ++this.#asked);
    Atomics.notify(this.#words, control.asked);
  }

  #finish(): void {
    const { done } = this.#running!;
    const next = this.#queue.shift();
    this.#running = undefined;
    if (next) this.#start(next);
    else if (this.#closing) this.#announce(0);
    done();
  }
}
