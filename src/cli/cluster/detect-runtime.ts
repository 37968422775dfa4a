/** Whether this machine, as this user, can run real containers. */
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeKind } from './topology.ts';

const programs = ['containerd', 'runc', 'ip', 'nft', 'nsenter'];

export function detectRuntime(): { readonly runtime: RuntimeKind; readonly reason: string } {
  const hollow = (reason: string) => ({ runtime: 'hollow', reason }) as const;
  if (process.platform !== 'linux') return hollow(`this is ${process.platform}, not Linux`);
  if (process.getuid?.() !== 0) return hollow('you are not root');
  const missing = programs.filter((program) => findProgram(program) === undefined);
  if (missing.length > 0) return hollow(`missing on this machine: ${missing.join(', ')}`);
  return { runtime: 'containerd', reason: 'root on Linux' };
}

/** Absolute path of an executable on PATH. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const path = join(folder, name);
    if (folder === '' || !existsSync(path)) continue;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not executable for us: look further.
    }
  }
  return undefined;
}
