/**
 * Trimast's API server with its three masters and a kube-apiserver with three etcd members, on this machine, driven by the same clients:
 *
 *   TRIMAST_KUBE_BIN=FOLDER TRIMAST_KUBE_UP=SCRIPT TRIMAST_KUBE_DOWN=SCRIPT ./trimast bench api [ROUNDS] [MEASURE...]
 *
 * FOLDER holds kube-pod-create, kube-list-latency and kube-watch-fanout; SCRIPT DIR starts a control plane with DIR/admin.kubeconfig and prints
 * `NAME pid PID` of each process; the other ends it. One of the two works at a time, the other stands still (SIGSTOP); they take turns. What counts
 * is the ratio of the medians. Prints a table and writes bench/results/api.json. Without SCRIPTs only Trimast is measured.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Cluster } from '../e2e/support/cluster.ts';
import { HttpsTransport } from '../src/client/https-transport.ts';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';

const run = promisify(execFile);
const settleMs = 3_000;
const maxOutputBytes = 16 << 20;
const pods = 10_000;
const gets = 3_000;
const resultFile = new URL('./results/api.json', import.meta.url);

interface Process {
  readonly name: string;
  readonly pid: number;
}

interface Side {
  readonly name: 'trimast' | 'kubernetes';
  readonly kubeconfig: string;
  readonly processes: readonly Process[];
  /** What holds the state and answers: a master, or an apiserver and one etcd. */
  readonly replica: readonly Process[];
}

interface Measure {
  readonly name: string;
  readonly unit: string;
  /** What Trimast / Kubernetes must reach (rates) or stay below (times, sizes). */
  readonly bar: number;
  readonly better: 'more' | 'less';
  /** Not repeated: it leaves something behind. */
  readonly once?: boolean;
  run(side: Side): Promise<number>;
}

const { TRIMAST_KUBE_BIN: bin, TRIMAST_KUBE_UP: up, TRIMAST_KUBE_DOWN: down } = process.env;
if (!bin) throw new Error('set TRIMAST_KUBE_BIN to the folder that holds kube-pod-create and the other clients');
const rounds = Number(process.argv[2] ?? 3);
const chosen = process.argv.slice(3);

const measures: readonly Measure[] = [
  {
    name: 'pod creates, 16 connections',
    unit: 'pods/s',
    bar: 2,
    better: 'more',
    run: async (side) => {
      const args = ['-n', '2000', '-concurrency', '16', '-http1', '-scheduler-name', 'none', '-delete'];
      return figure(await client('kube-pod-create', side, args), /create concurrency \d+: ([\d.]+) pods\/s/);
    },
  },
  {
    name: 'write to event, 1,000 watchers, p99',
    unit: 'ms',
    bar: 1,
    better: 'less',
    run: async (side) =>
      figure(
        await client('kube-watch-fanout', side, ['-watchers', '1000', '-writes', '30']),
        /write to event.*p99 ([\d.]+) ms/,
      ),
  },
  {
    name: 'gets of one object, one connection',
    unit: 'gets/s',
    bar: 1,
    better: 'more',
    run: getsPerSecond,
  },
  {
    name: `creating ${pods.toLocaleString('en')} pods`,
    unit: 'pods/s',
    bar: 2,
    better: 'more',
    once: true,
    run: async (side) => {
      const args = [
        '-n',
        String(pods),
        '-concurrency',
        '16',
        '-http1',
        '-scheduler-name',
        'none',
        '-namespace',
        'many',
      ];
      return figure(await client('kube-pod-create', side, args), /create concurrency \d+: ([\d.]+) pods\/s/);
    },
  },
  { name: 'memory with 10,000 pods', unit: 'MiB', bar: 0.3, better: 'less', run: async (side) => residentMiB(side) },
  list('list of 10,000 pods, JSON', []),
  list('list of 10,000 pods, JSON without gzip', ['-no-gzip']),
  list('list of 10,000 pods, Table', ['-table']),
  {
    name: 'list of 10,000 pods, JSON, 8 at once',
    unit: 'ms',
    bar: 0.5,
    better: 'less',
    run: async (side) => {
      const args = ['-runs', '3', '-path', '/api/v1/namespaces/many/pods'];
      const all = await Promise.all(Array.from({ length: 8 }, () => client('kube-list-latency', side, args)));
      return median(all.map((output) => figure(output, /p50 ([\d.]+) ms/)));
    },
  },
  {
    name: 'extra memory of 8 such lists at once',
    unit: 'MiB',
    bar: 0.1,
    better: 'less',
    run: async (side) => {
      const before = residentMiB(side);
      for (const { pid } of side.replica) writeFileSync(`/proc/${pid}/clear_refs`, '5');
      const args = ['-runs', '2', '-path', '/api/v1/namespaces/many/pods'];
      await Promise.all(Array.from({ length: 8 }, () => client('kube-list-latency', side, args)));
      return Math.max(1, residentMiB(side, 'VmHWM') - before);
    },
  },
];

function list(name: string, flags: readonly string[]): Measure {
  return {
    name,
    unit: 'ms',
    bar: 0.5,
    better: 'less',
    run: async (side) =>
      figure(
        await client('kube-list-latency', side, ['-runs', '7', '-path', '/api/v1/namespaces/many/pods', ...flags]),
        /p50 ([\d.]+) ms/,
      ),
  };
}

async function client(tool: string, side: Side, args: readonly string[]): Promise<string> {
  const { stdout } = await run(join(bin!, tool), ['-kubeconfig', side.kubeconfig, ...args], {
    maxBuffer: maxOutputBytes,
  });
  return stdout;
}

function figure(output: string, pattern: RegExp): number {
  const found = pattern.exec(output)?.[1];
  if (found === undefined) throw new Error(`no figure in:\n${output.slice(-2_000)}`);
  return Number(found);
}

async function getsPerSecond(side: Side): Promise<number> {
  const transport = new HttpsTransport(loadKubeconfig(side.kubeconfig));
  try {
    const get = () => transport.send({ method: 'GET', path: '/api/v1/namespaces/kube-system?resourceVersion=0' });
    for (let i = 0; i < 200; i++) await get();
    const startedMs = performance.now();
    for (let i = 0; i < gets; i++) await get();
    return (gets * 1_000) / (performance.now() - startedMs);
  } finally {
    transport.close();
  }
}

/** Of one replica; the largest where there are several masters. */
function residentMiB(side: Side, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const mib = ({ pid }: Process) =>
    Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
  const sizes = side.replica.map(mib);
  return side.name === 'trimast' ? Math.max(...sizes) : sizes.reduce((sum, size) => sum + size, 0);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function signal(side: Side | undefined, name: NodeJS.Signals): void {
  for (const { pid } of side?.processes ?? []) process.kill(pid, name);
}

async function startKubernetes(dir: string): Promise<Side> {
  const { stdout } = await run(up!, [dir], { maxBuffer: maxOutputBytes });
  const processes = [...stdout.matchAll(/^(\S+) pid (\d+)$/gm)].map(([, name, pid]) => ({
    name: name!,
    pid: Number(pid),
  }));
  const apiserver = processes.find(({ name }) => name.includes('apiserver'));
  const etcd = processes.find(({ name }) => name.includes('etcd'));
  if (!apiserver || !etcd) throw new Error(`${up} told no pids of apiserver and etcd:\n${stdout}`);
  return { name: 'kubernetes', kubeconfig: join(dir, 'admin.kubeconfig'), processes, replica: [apiserver, etcd] };
}

const cluster = new Cluster();
const peerDir = mkdtempSync(join(tmpdir(), 'bench-api-peer-'));
let peer: Side | undefined;
const results: { name: string; unit: string; bar: number; trimast: number[]; kubernetes: number[] }[] = [];
try {
  await cluster.up('--workers', '0', '--hollow', '1');
  const { members } = (await cluster.status()) as unknown as {
    members: { name: string; kind: string; pid?: number }[];
  };
  const processes = members.flatMap(({ name, pid }) => (pid ? [{ name, pid }] : []));
  const masters = members.flatMap(({ name, kind, pid }) => (kind === 'master' && pid ? [{ name, pid }] : []));
  const own: Side = {
    name: 'trimast',
    kubeconfig: join(cluster.dir, 'kubeconfig'),
    processes,
    replica: masters,
  };
  if (up && down) peer = await startKubernetes(peerDir);
  const sides = peer ? [own, peer] : [own];
  for (const measure of measures) {
    if (chosen.length > 0 && !chosen.some((one) => measure.name.includes(one))) continue;
    const result = {
      name: measure.name,
      unit: measure.unit,
      bar: measure.bar,
      trimast: [],
      kubernetes: [],
    } as (typeof results)[0];
    for (let round = 0; round < (measure.once ? 1 : rounds); round++) {
      for (const side of sides) {
        const other = sides.find((one) => one !== side);
        signal(other, 'SIGSTOP');
        try {
          await new Promise((resolve) => setTimeout(resolve, settleMs));
          result[side.name].push(await measure.run(side));
        } finally {
          signal(other, 'SIGCONT');
        }
      }
    }
    results.push(result);
    report(measure, result);
  }
  if (chosen.length === 0 && peer) save();
} finally {
  signal(peer, 'SIGCONT');
  if (peer) await run(down!, [peerDir, '--delete']);
  rmSync(peerDir, { recursive: true, force: true });
  await cluster.destroy();
}

function report({ name, unit, bar, better }: Measure, result: (typeof results)[0]): void {
  const of = (values: readonly number[]) =>
    `${median(values).toFixed(1)} ${unit} (${values.map((value) => value.toFixed(1)).join(' ')})`;
  console.log(`${name}\n  trimast     ${of(result.trimast)}`);
  if (result.kubernetes.length === 0) return;
  const ratio = median(result.trimast) / median(result.kubernetes);
  const met = better === 'more' ? ratio >= bar : ratio <= bar;
  console.log(
    `  kubernetes  ${of(result.kubernetes)}\n  ratio       ${ratio.toFixed(2)} (bar ${better === 'more' ? '≥' : '≤'} ${bar}: ${met ? 'met' : 'MISSED'})`,
  );
}

function save(): void {
  mkdirSync(new URL('.', resultFile), { recursive: true });
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, kernel: release(), node: process.version };
  writeFileSync(
    resultFile,
    `${JSON.stringify({ date: new Date().toISOString(), machine, rounds, results }, null, 2)}\n`,
  );
}
