/**
 * Named pipes between this process and a containerd shim, as streams on the event loop (no thread of the pool blocks on them).
 *
 * Opening order does not matter: a FIFO opened for reading without blocking reports its end only once a writer has come and gone (epoll),
 * and one opened for reading and writing never lacks a reader.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type FifoName = 'stdin' | 'stdout' | 'stderr';

export interface Fifos {
  /** Paths for the shim; empty for one that was not asked for. */
  readonly paths: Readonly<Record<FifoName, string>>;
  /** What we write, the process reads. Never `end()` it (a FIFO has no shutdown): use {@link closeAfterWrites}. */
  readonly stdin: Socket | undefined;
  readonly stdout: Socket | undefined;
  readonly stderr: Socket | undefined;
  /** Closes what is open and removes the files. */
  dispose(): Promise<void>;
}

const run = promisify(execFile);

export async function createFifos(wanted: Readonly<Record<FifoName, boolean>>): Promise<Fifos> {
  // Only root, as whom shims run, may look inside (mode 0700).
  const directory = await mkdtemp(join(tmpdir(), 'trimast-exec-'));
  const path = (name: FifoName) => (wanted[name] ? join(directory, name) : '');
  const paths = { stdin: path('stdin'), stdout: path('stdout'), stderr: path('stderr') };
  const sockets: Socket[] = [];
  const open = (name: FifoName, flags: number): Socket | undefined => {
    if (!wanted[name]) return undefined;
    const socket = socketOn(openSync(paths[name], flags | constants.O_NONBLOCK), name === 'stdin');
    sockets.push(socket);
    return socket;
  };
  const dispose = async () => {
    for (const socket of sockets) socket.destroy();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const files = Object.values(paths).filter((file) => file !== '');
    if (files.length > 0) await run('mkfifo', ['-m', '0600', ...files]);
    return {
      paths,
      stdin: open('stdin', constants.O_RDWR),
      stdout: open('stdout', constants.O_RDONLY),
      stderr: open('stderr', constants.O_RDONLY),
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Closes the writing end once everything written so far is in the pipe, where it stays readable. */
export function closeAfterWrites(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) {
      resolve();
      return;
    }
    socket.once('close', () => resolve());
    socket.write(Buffer.alloc(0), () => socket.destroy());
  });
}

function socketOn(descriptor: number, writable: boolean): Socket {
  try {
    const socket = new Socket({ fd: descriptor, readable: !writable, writable });
    socket.on('error', () => socket.destroy());
    return socket;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
