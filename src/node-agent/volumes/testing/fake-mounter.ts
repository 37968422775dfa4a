/** For tests without root: a place shows its source through a link, a tmpfs is an ordinary folder. */
import { readlink, rename, rm, symlink } from 'node:fs/promises';
import { sep } from 'node:path';
import type { Mounter } from '../mounts.ts';

export class FakeMounter implements Mounter {
  readonly mounted = new Map<string, string>();

  async tmpfs(target: string, options: string): Promise<void> {
    this.mounted.set(target, options);
  }

  async bind(source: string, target: string): Promise<void> {
    await rename(target, `${target}.hidden`);
    await symlink(await readlink(source), target);
    this.mounted.set(target, source);
  }

  async unmount(target: string): Promise<void> {
    if (!this.mounted.get(target)?.startsWith('mode=')) {
      await rm(target);
      await rename(`${target}.hidden`, target);
    }
    this.mounted.delete(target);
  }

  async below(folder: string): Promise<string[]> {
    return [...this.mounted.keys()].filter((path) => path.startsWith(folder + sep)).reverse();
  }
}
