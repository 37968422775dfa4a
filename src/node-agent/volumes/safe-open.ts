/**
 * Opens what lies below a folder that a pod can change at any moment, without ever being led out of it: each step is opened relative to the one
 * before (through /proc/self/fd, which is what openat does) and never follows a link. Links that point to another place within the folder are
 * resolved first; one that is planted in between makes the opening fail, not lead elsewhere.
 */
import { constants } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** Only a place in the file system: opens no device, waits for no pipe. Not among Node's constants. */
const O_PATH = 0o10000000;

/** Files that the agent itself reads for a pod. */
const MAX_READ_BYTES = 1024 * 1024;

/** The path of an open file that also other processes can use, as long as it is open here. */
export function descriptorPath(handle: FileHandle): string {
  return `/proc/${process.pid}/fd/${handle.fd}`;
}

/**
 * The file or folder `path` below `folder`, to be closed by the caller; what is missing becomes a folder with `create`.
 * @throws Error when it leads out of the folder, does not exist, or changes under our hands
 */
export async function openInside(folder: string, path: string, create = false): Promise<FileHandle> {
  const what = `path "${path}"`;
  if (path.startsWith('/') || path.split('/').includes('..')) {
    throw new Error(`${what} must be relative and without ".."`);
  }
  const root = await realpath(folder);
  const { existing, missing } = await resolve(root, path);
  if (missing.length > 0 && !create) throw new Error(`${what} does not exist in the volume`);
  let handle = await open(root, O_PATH | constants.O_DIRECTORY);
  try {
    for (const part of existing) handle = await step(handle, part, what);
    for (const part of missing) handle = await makeFolder(handle, part, what);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The whole text of a regular file below `folder`; undefined when there is none. @throws Error when it leads out or is too large */
export async function readInside(folder: string, path: string): Promise<string | undefined> {
  const place = await openInside(folder, path).catch((error: Error) => {
    if (error.message.endsWith('does not exist in the volume')) return undefined;
    throw error;
  });
  if (!place) return undefined;
  try {
    const stats = await place.stat();
    if (!stats.isFile()) throw new Error(`"${path}" is not a file`);
    if (stats.size > MAX_READ_BYTES) throw new Error(`"${path}" is larger than ${MAX_READ_BYTES} bytes`);
    const file = await open(descriptorPath(place), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const buffer = Buffer.alloc(MAX_READ_BYTES);
      const { bytesRead } = await file.read(buffer, 0, MAX_READ_BYTES, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } finally {
    await place.close();
  }
}

/** What of the path is there, with its links resolved, and what is not. */
async function resolve(root: string, path: string): Promise<{ existing: string[]; missing: string[] }> {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  let current = root;
  for (const [i, part] of parts.entries()) {
    const real = await realpath(join(current, part)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (real === undefined) return { existing: segments(root, current), missing: parts.slice(i) };
    if (real !== root && !real.startsWith(root + sep)) throw new Error(`path "${path}" leads out of the volume`);
    current = real;
  }
  return { existing: segments(root, current), missing: [] };
}

function segments(root: string, path: string): string[] {
  return path === root ? [] : path.slice(root.length + 1).split(sep);
}

async function step(parent: FileHandle, name: string, what: string): Promise<FileHandle> {
  const handle = await open(join(descriptorPath(parent), name), O_PATH | constants.O_NOFOLLOW);
  if ((await handle.stat()).isSymbolicLink()) {
    await handle.close();
    throw new Error(`${what} changed into a link while it was opened`);
  }
  await parent.close();
  return handle;
}

/** With the mode of the folder above: open to the pod's user where the volume is, and with the volume's group. */
async function makeFolder(parent: FileHandle, name: string, what: string): Promise<FileHandle> {
  const { mode } = await parent.stat();
  await mkdir(join(descriptorPath(parent), name));
  const handle = await step(parent, name, what);
  await chmod(descriptorPath(handle), mode & 0o2777);
  return handle;
}
