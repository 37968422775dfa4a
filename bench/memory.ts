/**
 * Resident memory of masters and of etcd's members, idle and after minutes of writes of 1 KiB over 100,000 keys, three members each:
 *
 *   TRIMAST_ETCD_BIN=FOLDER ./trimast bench memory [SECONDS] [WRITES-PER-SECOND]     FOLDER holds etcd and benchmark; default 300 and 2000
 *
 * One after the other, both with mutual TLS and driven by etcd's `benchmark put`. Prints MiB of each member every 10 seconds, the leader's first; what
 * counts is the largest member at the end.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEtcd } from '../e2e/etcd/start-etcd.ts';
import { Cluster } from '../e2e/support/cluster.ts';
import { masterCertificate } from '../src/pki/identities.ts';
import { PkiDirectory } from '../src/pki/pki-directory.ts';

const bin = process.env.TRIMAST_ETCD_BIN;
if (!bin) throw new Error('set TRIMAST_ETCD_BIN to the folder that holds etcd and its benchmark tool');
const seconds = Number(process.argv[2] ?? 300);
const perSecond = Number(process.argv[3] ?? 2_000);
const settleMs = 20_000;
const sampleMs = 10_000;
const idleBarMiB = 120;

interface Side {
  readonly name: string;
  readonly endpoints: string;
  readonly tls: readonly string[];
  readonly pids: readonly number[];
}

function residentMiB(pids: readonly number[]): number[] {
  return pids.map((pid) => {
    const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kib) / 1_024);
  });
}

async function measure({ name, endpoints, tls, pids }: Side): Promise<{ idle: number; busy: number }> {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const idle = residentMiB(pids);
  console.log(`${name}: idle ${idle.join(', ')} MiB`);
  const startedMs = performance.now();
  const sampler = setInterval(() => {
    const atS = ((performance.now() - startedMs) / 1_000).toFixed(0);
    console.log(`${name}: after ${atS} s ${residentMiB(pids).join(', ')} MiB`);
  }, sampleMs);
  const load = ['--clients=100', '--conns=10', 'put', `--rate=${perSecond}`, `--total=${seconds * perSecond}`];
  const values = ['--key-size=16', '--val-size=1024', '--sequential-keys', '--key-space-size=100000'];
  const args = [`--endpoints=${endpoints}`, ...tls, '--target-leader', ...load, ...values];
  try {
    await promisify(execFile)(join(bin!, 'benchmark'), args, { maxBuffer: 16 << 20 });
  } finally {
    clearInterval(sampler);
  }
  const busy = residentMiB(pids);
  const took = ((performance.now() - startedMs) / 1_000).toFixed(0);
  console.log(`${name}: after ${seconds * perSecond} writes in ${took} s ${busy.join(', ')} MiB`);
  return { idle: Math.max(...idle), busy: Math.max(...busy) };
}

async function ofTrimast(): Promise<{ idle: number; busy: number }> {
  const cluster = new Cluster();
  try {
    await cluster.up('--workers', '0');
    const { etcd, members } = (await cluster.status()) as unknown as {
      etcd: { endpoints: string[]; caFile: string; certFile: string; keyFile: string };
      members: { kind: string; pid: number; leader?: boolean }[];
    };
    const masters = members.filter(({ kind }) => kind === 'master').sort((a, b) => +!!b.leader - +!!a.leader);
    return await measure({
      name: 'trimast',
      endpoints: etcd.endpoints.join(','),
      tls: [`--cacert=${etcd.caFile}`, `--cert=${etcd.certFile}`, `--key=${etcd.keyFile}`],
      pids: masters.map(({ pid }) => pid),
    });
  } finally {
    await cluster.destroy();
  }
}

async function ofEtcd(): Promise<{ idle: number; busy: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-memory-pki-'));
  const pki = new PkiDirectory(dir);
  await pki.init('etcd');
  const names = { name: 'etcd', addresses: ['127.0.0.1'], clusterDomain: 'cluster.local' };
  await pki.ensure('etcd', masterCertificate(names));
  const etcd = await startEtcd(join(bin!, 'etcd'), pki.files('etcd'));
  try {
    return await measure({ name: 'etcd', ...etcd });
  } finally {
    await etcd.stop();
    rmSync(dir, { recursive: true });
  }
}

const [own, peer] = [await ofTrimast(), await ofEtcd()];
const verdict = (reached: boolean) => (reached ? 'reached' : 'MISSED');
console.log(`idle master: ${own.idle} MiB (bar: ${idleBarMiB}): ${verdict(own.idle <= idleBarMiB)}`);
console.log(`after the writes: ${own.busy} MiB (bar: etcd's ${peer.busy}): ${verdict(own.busy <= peer.busy)}`);
process.exitCode = own.idle <= idleBarMiB && own.busy <= peer.busy ? 0 : 1;
