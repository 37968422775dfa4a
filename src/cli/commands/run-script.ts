/** Runs a script of the repository with this Node.js; its exit code becomes ours. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { repositoryRoot } from '../cluster/paths.ts';

export async function runScript(script: string, args: readonly string[]): Promise<void> {
  const path = join(repositoryRoot, script);
  if (!existsSync(path)) throw new CliError(`${script} is not part of this copy of trimast`);
  const child = spawn(process.execPath, [...process.execArgv, path, ...args], {
    stdio: 'inherit',
    cwd: repositoryRoot,
  });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => reject(new CliError(`run ${script}: ${cause.message}`, { cause })));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
