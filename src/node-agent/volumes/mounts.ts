/** Mounts that the agent makes for pods: tmpfs volumes, and the places that subPaths stand for. */
import { execFile } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { promisify } from 'node:util';

const COMMAND_TIMEOUT_MS = 10_000;
const run = promisify(execFile);

export interface Mounter {
  /** `options` as for mount -o. @throws Error */
  tmpfs(target: string, options: string): Promise<void>;
  /** Shows `source` at `target`, which must be there and of the same kind. @throws Error */
  bind(source: string, target: string): Promise<void>;
  /** @throws Error when it is in use. */
  unmount(target: string): Promise<void>;
  /** Mount points below a folder, the innermost first; those that are mounted twice are named twice. */
  below(folder: string): Promise<string[]>;
}

export function createMounter(): Mounter {
  return {
    async tmpfs(target, options) {
      await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', target], { timeout: COMMAND_TIMEOUT_MS });
    },
    async bind(source, target) {
      await run('mount', ['--no-canonicalize', '--bind', source, target], { timeout: COMMAND_TIMEOUT_MS });
    },
    async unmount(target) {
      await run('umount', [target], { timeout: COMMAND_TIMEOUT_MS });
    },
    async below(folder) {
      const real = await realpath(folder).catch(() => undefined);
      if (real === undefined) return [];
      const points = mountPointsBelow(await readFile('/proc/self/mountinfo', 'utf8'), real);
      return points.map((point) => folder + point.slice(real.length));
    },
  };
}

/** Of a /proc/PID/mountinfo. */
export function mountPointsBelow(mountinfo: string, folder: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) => unescapePath(line.split(' ')[4] ?? ''))
    .filter((path) => path.startsWith(folder + sep))
    .reverse();
}

/** Spaces, tabs, line feeds and backslashes stand there as octal numbers. */
function unescapePath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
