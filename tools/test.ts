/**
 * `./trimast test`: every check and every test, one after the other, then one line `N passed, N failed[, N skipped]`.
 *
 *   --unit          only checks and unit tests (no root needed)
 *   --e2e [FILTER]  only end-to-end tests, of files whose name contains FILTER
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { installTestTools } from './install-test-tools.ts';

const root = resolve(import.meta.dirname, '..');

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function main(args: readonly string[]): number {
  const onlyUnit = args.includes('--unit');
  const onlyE2e = args.includes('--e2e');
  const filter = args.filter((arg) => !arg.startsWith('--'));
  const startedMs = performance.now();
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const add = (counts: Counts) => {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  };
  if (!onlyE2e) {
    heading('Checks');
    add(runChecks());
    heading('Unit tests and simulator');
    add(runVitest('unit', filter));
  }
  if (!onlyUnit) {
    heading('End-to-end tests: real processes, real containers, stock clients');
    installTestTools();
    add(runVitest('e2e', filter));
  }
  console.log(`\nin ${Math.round((performance.now() - startedMs) / 1000)} s`);
  console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

function heading(text: string): void {
  console.log(`\n== ${text}`);
}

function runChecks(): Counts {
  const result = spawnSync(process.execPath, [join(root, 'tools/check.ts')], { cwd: root, encoding: 'utf8' });
  process.stdout.write(result.stdout + result.stderr);
  const counts = /checks: (\d+) passed, (\d+) failed/.exec(result.stdout);
  return counts
    ? { passed: Number(counts[1]), failed: Number(counts[2]), skipped: 0 }
    : { passed: 0, failed: 1, skipped: 0 };
}

/** A run that ends without a report, or with no test in it, counts as a failure. */
function runVitest(project: string, filter: readonly string[]): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'trimast-test-'));
  try {
    const report = join(folder, 'report.json');
    const args = [
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...filter,
    ];
    const result = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, FORCE_COLOR: '0' },
    });
    const json = JSON.parse(readFileSync(report, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
      numPendingTests: number;
      numTotalTests: number;
      numFailedTestSuites: number;
    };
    const counts = { passed: json.numPassedTests, failed: json.numFailedTests, skipped: json.numPendingTests };
    // A file that fails outside of its tests (an import, a hook), or an unhandled error, shows only in the exit code.
    if (counts.failed === 0 && (result.status !== 0 || counts.passed === 0)) counts.failed = 1;
    return counts;
  } catch (error) {
    console.error(`no report from vitest: ${error instanceof Error ? error.message : error}`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = main(process.argv.slice(2));
