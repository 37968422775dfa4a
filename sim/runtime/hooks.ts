/**
 * Loads production modules with their borders to the machine exchanged: RocksDB and the files of snapshots are simulated disks. With a
 * mutant, one production file is loaded with its one mistake. Must be imported before anything of `src`.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A replacement in one source file. `find` must be there exactly once. */
export interface Patch {
  /** Below `src`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const rocksdb = new URL('../disk/rocksdb.ts', import.meta.url).href;
const logWriter = new URL('../disk/log-writer.ts', import.meta.url).href;
const files = new URL('../disk/files.ts', import.meta.url).href;
const sources = new URL('../../src/', import.meta.url).href;

export function installHooks(patches: readonly Patch[] = []): void {
  const byUrl = new Map<string, Patch[]>();
  for (const patch of patches) {
    const url = new URL(patch.file, sources).href;
    byUrl.set(url, [...(byUrl.get(url) ?? []), patch]);
  }
  registerHooks({
    resolve(specifier, context, next) {
      const production = context.parentURL?.startsWith(sources);
      if (production && specifier === '@nxtedition/rocksdb') return { url: rocksdb, shortCircuit: true };
      if (production && specifier === 'node:fs/promises') return { url: files, shortCircuit: true };
      if (production && specifier === 'node:fs') return { url: files, shortCircuit: true };
      if (production && specifier === './log-writer.ts') return { url: logWriter, shortCircuit: true };
      return next(specifier, context);
    },
    load(url, context, next) {
      const wanted = byUrl.get(url);
      if (!wanted) return next(url, context);
      return { ...next(url, context), source: applyPatches(wanted, readFileSync(fileURLToPath(url), 'utf8')) };
    },
  });
}

/** @throws Error when a text to replace is not there exactly once. */
export function applyPatches(patches: readonly Patch[], source: string): string {
  let result = source;
  for (const { file, find, replace } of patches) {
    if (result.split(find).length !== 2) throw new Error(`"${find}" is not exactly once in src/${file}`);
    result = result.replace(find, () => replace);
  }
  return result;
}
