/** The log's writer thread; see log-writer.ts. It sleeps until there is a job, and all it does is write. */
import { closeSync, constants, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { RocksLevel } from '@nxtedition/rocksdb';
import { decodeJob, jobCodes } from './log-job.ts';
import { reasonOf, remedies, StorageError } from './log-storage.ts';
import { control, type LogWriterData } from './log-writer.ts';

const { handle, dir, tailPath, shared, controlWords, port } = workerData as LogWriterData;
const words = new Int32Array(controlWords);
const mailbox = Buffer.from(shared);
const db = new RocksLevel(handle, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
await db.open();
const tail = openSync(tailPath, constants.O_RDWR | constants.O_CREAT);
const batch = db.batch();

/** Returns the tail mark to write next; a copy, as the job's memory is the Raft thread's again when it has the answer. */
function perform(job: Buffer): Buffer | undefined {
  let raise: Buffer | undefined;
  for (const { code, key, value } of decodeJob(job)) {
    if (code === jobCodes.put) batch._put(key, value);
    else if (code === jobCodes.delete) batch._del(key);
    else if (code === jobCodes.raise) raise = Buffer.from(value);
    else {
      writeSync(tail, value, 0, value.length, 0);
      fdatasyncSync(tail);
    }
  }
  batch._writeSync({ sync: job[0] === 1 });
  batch.clear();
  return raise;
}

function next(bytes: number): Buffer {
  if (bytes <= mailbox.length) return mailbox.subarray(0, bytes);
  // Too large for the mailbox: it came in memory of its own.
  const message = receiveMessageOnPort(port)!.message as SharedArrayBuffer;
  return Buffer.from(message);
}

for (let seen = 0; ; ) {
  Atomics.wait(words, control.asked, seen);
  const asked = Atomics.load(words, control.asked);
  if (asked === seen) continue;
  seen = asked;
  const bytes = Atomics.load(words, control.bytes);
  if (bytes === 0) break;
  try {
    const raise = perform(next(bytes));
    Atomics.store(words, control.answered, asked);
    Atomics.notify(words, control.answered);
    // Nobody waits for it: it is not synced either, and may be behind.
    if (raise) writeSync(tail, raise, 0, raise.length, 0);
  } catch (error) {
    // After a failed sync nobody knows what is on disk: the only safe answer is to end and read it again.
    const reason = reasonOf(error);
    throw new StorageError(
      reason,
      `writing the Raft log in "${dir}" failed: ${(error as Error).message}. ${remedies[reason]}`,
      { cause: error },
    );
  }
}
fdatasyncSync(tail);
closeSync(tail);
await db.close();
port.close();
