/**
 * Trimast's etcd interface and etcd itself, three members each, on this machine, driven by etcd's own `benchmark` tool:
 *
 *   TRIMAST_ETCD_BIN=FOLDER ./trimast bench etcd [ROUNDS] [MEASURE...]     FOLDER holds etcd and benchmark; default 3 rounds, all measures
 *
 * Both with mutual TLS. One of the two works at a time, the other stands still (SIGSTOP); they take turns, measure by measure. What counts is the
 * ratio of the medians. Prints a table and writes bench/results/etcd.json.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEtcd } from '../e2e/etcd/start-etcd.ts';
import { Cluster } from '../e2e/support/cluster.ts';
import { masterCertificate } from '../src/pki/identities.ts';
import { PkiDirectory } from '../src/pki/pki-directory.ts';

const run = promisify(execFile);
const settleMs = 3_000;
const maxOutputBytes = 16 << 20;
const resultFile = new URL('./results/etcd.json', import.meta.url);

/** One figure of one round. */
interface Figure {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Side {
  readonly name: 'trimast' | 'etcd';
  readonly endpoints: string;
  readonly tls: readonly string[];
  pids(): Promise<readonly number[]>;
}

interface Measure {
  readonly name: string;
  /** Ratio Trimast / etcd that issue and readers ask for. */
  readonly bar: number;
  run(side: Side): Promise<Figure | undefined>;
}

const bin = process.env.TRIMAST_ETCD_BIN;
if (!bin) throw new Error('set TRIMAST_ETCD_BIN to the folder that holds etcd and its benchmark tool');
const benchmarkTool = join(bin, 'benchmark');
const rounds = Number(process.argv[2] ?? 3);
const chosen = process.argv.slice(3);

function put(clients: number, connections: number, total: number, bar: number): Measure {
  const size = ['--key-size=8', '--val-size=256', '--sequential-keys', '--key-space-size=100000'];
  return {
    name: `put 256 B, ${clients} clients`,
    bar,
    run: (side) => benchmark(side, clients, connections, ['put', ...size, `--total=${total}`], ['--target-leader']),
  };
}

function range(clients: number, connections: number, total: number, bar: number): Measure {
  return {
    name: `linearizable range, ${clients} clients`,
    bar,
    run: (side) => benchmark(side, clients, connections, ['range', 'foo', '--consistency=l', `--total=${total}`], []),
  };
}

const measures: readonly Measure[] = [
  put(1, 1, 2_000, 1),
  put(100, 10, 20_000, 1),
  put(1_000, 100, 40_000, 0.8),
  range(1, 1, 3_000, 0.8),
  range(100, 10, 40_000, 0.8),
  range(1_000, 100, 40_000, 0.8),
  {
    name: 'streamed writes 256 B, 100 clients',
    bar: 2,
    run: async (side) => (side.name === 'trimast' ? streamed(side) : undefined),
  },
];

async function benchmark(
  side: Side,
  clients: number,
  connections: number,
  command: readonly string[],
  targeting: readonly string[],
): Promise<Figure> {
  const args = [
    `--endpoints=${side.endpoints}`,
    ...side.tls,
    ...targeting,
    `--clients=${clients}`,
    `--conns=${connections}`,
    ...command,
  ];
  const { stdout } = await run(benchmarkTool, args, { maxBuffer: maxOutputBytes });
  const number = (pattern: RegExp) => {
    const found = pattern.exec(stdout)?.[1];
    if (found === undefined)
      throw new Error(`${side.name}: no figure in what benchmark printed:\n${stdout.slice(-2_000)}`);
    return Number(found);
  };
  return {
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: number(/50% in ([\d.]+) secs/) * 1_000,
    p99Ms: number(/99% in ([\d.]+) secs/) * 1_000,
  };
}

/** Through our own interface, which etcd has no counterpart of: held against etcd's best rate. */
async function streamed(side: Side): Promise<Figure> {
  const example = new URL('../examples/kv-stream/main.ts', import.meta.url).pathname;
  const args = [`--endpoints=${side.endpoints}`, ...side.tls, '--clients=100', '--seconds=8'];
  const { stdout } = await run(process.execPath, [example, ...args], { maxBuffer: maxOutputBytes });
  const [, perSecond, p50, p99] = /(\d+) writes\/s.*p50 ([\d.]+), p99 ([\d.]+)/.exec(stdout) ?? [];
  if (perSecond === undefined) throw new Error(`no figure in what the example printed:\n${stdout}`);
  return { perSecond: Number(perSecond), p50Ms: Number(p50), p99Ms: Number(p99) };
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) process.kill(pid, name);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Resident memory of all members, MiB. */
function residentMiB(pids: readonly number[]): number[] {
  return pids.map((pid) => {
    const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kib) / 1_024);
  });
}

const cluster = new Cluster();
await cluster.up('--workers', '0', '--hollow', '1');
const pki = new PkiDirectory(mkdtempSync(join(tmpdir(), 'bench-etcd-pki-')));
await pki.init('etcd');
await pki.ensure('etcd', masterCertificate({ name: 'etcd', addresses: ['127.0.0.1'], clusterDomain: 'cluster.local' }));
const etcd = await startEtcd(join(bin, 'etcd'), pki.files('etcd'));
const results = new Map<string, { trimast: Figure[]; etcd: Figure[] }>();
try {
  const { etcd: own, members } = (await cluster.status()) as unknown as {
    etcd: { endpoints: string[]; caFile: string; certFile: string; keyFile: string };
    members: { kind: string; pid: number }[];
  };
  const sides: readonly Side[] = [
    {
      name: 'trimast',
      endpoints: own.endpoints.join(','),
      tls: [`--cacert=${own.caFile}`, `--cert=${own.certFile}`, `--key=${own.keyFile}`],
      pids: async () => members.filter(({ kind }) => kind === 'master').map(({ pid }) => pid),
    },
    { name: 'etcd', endpoints: etcd.endpoints, tls: etcd.tls, pids: async () => etcd.pids },
  ];
  const everything = async (side: Side) =>
    side.name === 'trimast' ? members.flatMap(({ pid }) => pid ?? []) : side.pids();
  for (const measure of measures) {
    if (chosen.length > 0 && !chosen.some((one) => measure.name.includes(one))) continue;
    const figures = { trimast: [] as Figure[], etcd: [] as Figure[] };
    for (let round = 0; round < rounds; round++) {
      for (const side of sides) {
        const [other] = sides.filter((one) => one !== side);
        signal(await everything(other!), 'SIGSTOP');
        try {
          await new Promise((resolve) => setTimeout(resolve, settleMs));
          const figure = await measure.run(side);
          if (figure) figures[side.name].push(figure);
        } finally {
          signal(await everything(other!), 'SIGCONT');
        }
      }
    }
    results.set(measure.name, figures);
    report(measure, figures);
  }
  for (const side of sides) console.log(`${side.name}: resident ${residentMiB(await side.pids()).join(', ')} MiB`);
  if (chosen.length === 0) save();
} finally {
  await etcd.stop();
  await cluster.destroy();
}

function report({ name, bar }: Measure, { trimast, etcd: peer }: { trimast: Figure[]; etcd: Figure[] }): void {
  const of = (figures: readonly Figure[]) =>
    `${Math.round(median(figures.map(({ perSecond }) => perSecond)))}/s (${figures.map(({ perSecond }) => Math.round(perSecond)).join(' ')}), p50 ${median(figures.map(({ p50Ms }) => p50Ms)).toFixed(1)}, p99 ${median(figures.map(({ p99Ms }) => p99Ms)).toFixed(1)} ms`;
  console.log(`${name}\n  trimast ${of(trimast)}`);
  const reference = peer.length > 0 ? peer : bestPuts();
  if (reference.length === 0) return;
  const rate = (figures: readonly Figure[]) => median(figures.map(({ perSecond }) => perSecond));
  const ratio = rate(trimast) / rate(reference);
  console.log(
    `  etcd    ${of(reference)}\n  ratio   ${ratio.toFixed(2)} (bar ${bar}: ${ratio >= bar ? 'met' : 'MISSED'})`,
  );
}

function bestPuts(): Figure[] {
  const puts = [...results].filter(([name]) => name.startsWith('put')).map(([, { etcd: figures }]) => figures);
  const rate = (figures: readonly Figure[]) => median(figures.map(({ perSecond }) => perSecond));
  return puts.sort((a, b) => rate(b) - rate(a))[0] ?? [];
}

function save(): void {
  mkdirSync(new URL('.', resultFile), { recursive: true });
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, kernel: release(), node: process.version };
  const measured = [...results].map(([name, figures]) => ({ name, ...figures }));
  writeFileSync(
    resultFile,
    `${JSON.stringify({ date: new Date().toISOString(), machine, rounds, measured }, null, 2)}\n`,
  );
}
