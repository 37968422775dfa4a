/** Damage, as a disk does it. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Flips one bit, by default in the first quarter of a file: where tables have their data. */
export function flipBit(file: string, at = Math.floor(statSync(file).size / 4)): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 4;
  writeFileSync(file, bytes);
}

/** The files of a folder whose names match; at least one. */
export function matchingFiles(folder: string, pattern: RegExp): string[] {
  const names = readdirSync(folder);
  const files = names.filter((name) => pattern.test(name)).map((name) => join(folder, name));
  if (files.length === 0) throw new Error(`no file in ${folder} matches ${pattern}: ${names.join(', ')}`);
  return files;
}
