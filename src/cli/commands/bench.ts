/** `trimast bench [NAME] [ARGS]`: runs `bench/NAME.ts`, or lists what there is. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { repositoryRoot } from '../cluster/paths.ts';
import { runScript } from './run-script.ts';

export async function bench(name: string | undefined, args: readonly string[]): Promise<void> {
  const folder = join(repositoryRoot, 'bench');
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const names = files.filter((file) => /^[a-z0-9-]+\.ts$/.test(file)).map((file) => file.slice(0, -'.ts'.length));
  if (names.length === 0) {
    process.stdout.write('There are no benchmarks yet: bench/ has no scripts.\n');
  } else if (name === undefined) {
    process.stdout.write(`Benchmarks (trimast bench NAME):\n${names.map((one) => `  ${one}\n`).join('')}`);
  } else if (names.includes(name)) {
    await runScript(`bench/${name}.ts`, args);
  } else {
    throw new CliError(`no benchmark is named "${name}". There are: ${names.join(', ')}`, { exitCode: 2 });
  }
}
