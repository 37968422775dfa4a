/**
 * `trimast chaos run` against a cluster of real processes, each kind of fault at least once, briefly. The long version is the same command:
 * `./trimast chaos run --duration 1h --every 4s --faults kill,kill,pause,partition`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resources } from '../../src/api/types.ts';
import { Cluster, waitFor } from '../support/cluster.ts';
import { connect } from '../support/writer.ts';

const isRoot = process.getuid?.() === 0;
const cluster = new Cluster();
const smallDisk = 'master-3';
const smallDiskBytes = 96 * 1024 * 1024;
const writesAtATime = 20;
const diskDir = join(cluster.dir, 'data', smallDisk);

beforeAll(async () => {
  if (isRoot) {
    mkdirSync(diskDir, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${smallDiskBytes}`, 'tmpfs', diskDir]);
  }
  await cluster.up('--workers', '0', '--hollow', '1');
});

afterAll(async () => {
  await cluster.must('down');
  if (readFileSync('/proc/self/mounts', 'utf8').includes(` ${diskDir} `)) execFileSync('umount', ['--lazy', diskDir]);
  await cluster.destroy();
});

interface Report {
  readonly ok: boolean;
  readonly elections: number;
  readonly faults: readonly { readonly kind: string }[];
  readonly apis: readonly { readonly measures: { readonly operations: { readonly done: number } } }[];
}

/** Runs it, and returns the report; whatever did not hold is the test's failure. */
async function chaos(name: string, ...args: string[]): Promise<Report> {
  const report = join(cluster.dir, 'chaos', name);
  const output = await cluster.trimast('chaos', 'run', '--report', report, '--rate', '80', '--clients', '8', ...args);
  console.log(output.stdout);
  expect(output.code, `${output.stdout}${output.stderr}`).toBe(0);
  expect(readFileSync(join(report, 'report.html'), 'utf8')).toContain('<svg');
  return JSON.parse(readFileSync(join(report, 'report.json'), 'utf8'));
}

const kindsOf = (report: Report) => new Set(report.faults.map((fault) => fault.kind));

test.skipIf(!isRoot)('killed, paused, cut off, stopped masters: all that clients saw fits together', async () => {
  const kinds = ['kill', 'pause', 'partition', 'restart', 'kill-all'];
  const report = await chaos(
    'processes',
    '--duration',
    '24s',
    '--every',
    '3s',
    '--faults',
    kinds.join(','),
    '--seed',
    '11',
  );
  expect(kindsOf(report)).toEqual(new Set(kinds));
  expect(report.elections).toBeGreaterThan(1);
  expect(report.apis.every((api) => api.measures.operations.done > 100)).toBe(true);
});

test.skipIf(!isRoot)('slow, lossy networks, jumping clocks, full, failing and slow disks: the same', async () => {
  const kinds = ['delay', 'loss', 'clock', 'disk-full', 'disk-error', 'disk-slow'];
  const report = await chaos(
    'machines',
    '--duration',
    '30s',
    '--every',
    '3s',
    '--faults',
    kinds.join(','),
    '--seed',
    '12',
  );
  expect(kindsOf(report)).toEqual(new Set(kinds));
});

test.skipIf(!isRoot)(
  'a full disk: its master ends and says why, the others go on; with room again, up brings it back',
  async () => {
    const client = connect(cluster.kubeconfig);
    const write = (name: string) =>
      client.create(resources.configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace: 'default', name },
        data: { payload: 'x'.repeat(100_000) },
      } as { apiVersion: string; kind: string; metadata: { namespace: string; name: string } });
    const state = async () => (await cluster.status()).members.find((member) => member.name === smallDisk)?.state;
    const ballast = join(diskDir, 'ballast');
    try {
      fill(ballast);
      for (let i = 0; (await state()) !== 'down'; i += writesAtATime) {
        expect(i, 'writes until the full disk is noticed').toBeLessThan(500);
        // Some of them meet the master that ends.
        await Promise.allSettled(Array.from({ length: writesAtATime }, (_, n) => write(`full-${i + n}`)));
      }
      const log = readFileSync(join(cluster.dir, 'logs', `${smallDisk}.log`), 'utf8');
      expect(log).toMatch(/no space left/i);
      await waitFor('writes through the others', async () => (await write(`after-${Date.now()}`)) !== undefined);
      execFileSync('rm', ['-f', ballast]);
      await cluster.up();
      await waitFor('identical state on all masters', async () => {
        const masters = (await cluster.status()).members.filter((member) => member.kind === 'master');
        return new Set(masters.map((member) => `${member.appliedRevision} ${member.stateHash}`)).size === 1;
      });
    } finally {
      client.close();
    }
  },
);

/** Leaves no room at all. */
function fill(file: string): void {
  const block = Buffer.alloc(64 * 1024, 1);
  for (const size of [block.length, 4096]) {
    try {
      for (;;) writeFileSync(file, block.subarray(0, size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  expect(existsSync(file)).toBe(true);
}

test('what is asked for and not possible is said, before anything is broken', async () => {
  const wrong = await cluster.trimast('chaos', 'run', '--faults', 'kill,earthquake');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('there is no fault "earthquake". There are: kill, ');
  const duration = await cluster.trimast('chaos', 'run', '--duration', 'long');
  expect(duration.code).toBe(2);
  expect(duration.stderr).toContain('expected a duration such as 90s');
});
