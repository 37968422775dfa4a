/**
 * `node sim/mutate.ts [NAME...]` runs the simulator against each mutant, in a copy of the sources, and says at which seed it was
 * found. Exit code 1 when one survives.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type Mutant, mutants } from './mutants.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What the simulator printed about the first seed that failed; undefined when the mutant survived. */
export async function hunt(mutant: Mutant): Promise<string | undefined> {
  const dir = mkdtempSync(join(tmpdir(), 'trimast-mutant-'));
  try {
    for (const part of ['src/lib', 'src/raft', 'sim']) cpSync(join(root, part), join(dir, part), { recursive: true });
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
    const path = join(dir, 'src/raft', mutant.file);
    const source = readFileSync(path, 'utf8');
    if (source.split(mutant.find).length !== 2)
      throw new Error(`mutant "${mutant.name}": its text is not exactly once in ${mutant.file}; bring it up to date`);
    writeFileSync(path, source.replace(mutant.find, mutant.replace));
    const arguments_ = [join(dir, 'sim/main.ts'), '--seeds', `${mutant.withinSeeds}`, '--fail-fast'];
    const run = promisify(execFile)(process.execPath, arguments_, { cwd: dir });
    return await run.then(
      () => undefined,
      (error: { code?: number; stdout?: string; stderr?: string }) => {
        // Only a seed that the simulator judged counts; a mutant that does not even load proves nothing.
        const found = /seed \d+ FAILED: .*/.exec(error.stdout ?? '')?.[0];
        if (!found) throw new Error(`mutant "${mutant.name}" did not run: ${error.stderr}`);
        return found;
      },
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function main(names: readonly string[]): Promise<number> {
  let survivors = 0;
  for (const mutant of mutants) {
    if (names.length > 0 && !names.includes(mutant.name)) continue;
    const found = await hunt(mutant);
    if (!found) survivors++;
    console.log(`${mutant.name}: ${found ?? `SURVIVED ${mutant.withinSeeds} seeds`}`);
  }
  return survivors > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = await main(process.argv.slice(2));
