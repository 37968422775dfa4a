/** Everything that is checked without running the product: format and lint, types, contracts, import direction. Stops at nothing, reports all. */
import { spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);

const checks: [name: string, command: string, args: string[]][] = [
  ['format and lint (biome)', bin('biome'), ['ci', '--colors=off', '--error-on-warnings', '.']],
  ['types (tsc)', bin('tsc'), ['-p', '.']],
  ['contracts (buf lint)', bin('buf'), ['lint']],
  ['import direction', process.execPath, [join(root, 'tools/check-imports.ts')]],
];

/** The tools' launchers ask for `node` by name: that must be this one, not an older one of the system. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };

let failed = 0;
for (const [name, command, args] of checks) {
  const startedMs = performance.now();
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', env });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (result.status === 0) console.log(`  ok      ${name} (${seconds} s)`);
  else {
    failed++;
    console.log(
      `  FAILED  ${name} (${seconds} s)\n${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`,
    );
  }
}
console.log(`checks: ${checks.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
