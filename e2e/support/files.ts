/** Damage, as a disk does it. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Flips one bit, by default in the first quarter of a file: where tables have their data. */
export function flipBit(file: string, at = Math.floor(statSync(file).size / 4)): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 4;
  writeFileSync(file, bytes);
}

/** The largest file of a folder whose name matches. */
export function largestFile(folder: string, pattern: RegExp): string {
  const files = readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).size - statSync(a).size);
  if (!files[0]) throw new Error(`no file in ${folder} matches ${pattern}: ${readdirSync(folder).join(', ')}`);
  return files[0];
}
