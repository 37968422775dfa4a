/** `trimast chaos run`: clients work on a running cluster while it is broken and healed by a plan; then everything they saw is judged. */
import { join } from 'node:path';
import {
  type ChaosResult,
  etcdAccess,
  type FaultKind,
  faultKinds,
  kubeAccess,
  renderText,
  runChaos,
  writeReport,
} from '../../chaos/index.ts';
import type { StoreAccess } from '../../chaos/types.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { PkiDirectory } from '../../pki/pki-directory.ts';
import { ClusterTarget, shimFaults } from '../chaos/cluster-target.ts';
import { CliError } from '../cli-error.ts';
import { type DirOption, openCluster, requireRights } from '../cluster/open-cluster.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, endpoint, membersOfKind } from '../cluster/topology.ts';
import { Progress } from '../progress.ts';

export interface ChaosRunOptions extends DirOption {
  readonly duration: string;
  readonly faults?: string;
  readonly every: string;
  readonly rate: number;
  readonly clients: number;
  readonly seed?: number;
  readonly report?: string;
  readonly api?: string;
}

const defaultFaults: readonly FaultKind[] = ['kill', 'pause', 'partition', 'loss', 'delay', 'restart'];
const servingTimeoutMs = 30_000;

export async function chaosRun(options: ChaosRunOptions): Promise<void> {
  const { cluster, paths } = openCluster(options);
  requireRights(cluster);
  const durationMs = parseDuration('--duration', options.duration);
  const everyMs = parseDuration('--every', options.every);
  const target = new ClusterTarget(cluster, paths);
  const progress = new Progress();
  try {
    const faults = chooseFaults(target, options.faults, progress);
    await untilAllServe(target);
    const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
    progress.line(
      `Chaos for ${options.duration}, seed ${seed}: ${faults.join(', ')}. Ctrl-C ends it early; then too everything is healed.`,
    );
    const accesses = chooseApis(cluster, paths, options.api);
    const interrupt = new AbortController();
    process.once('SIGINT', () => interrupt.abort());
    process.once('SIGTERM', () => interrupt.abort());
    const serving = (master: string) => untilServing(target, master);
    if (faults.some((kind) => shimFaults.includes(kind))) await target.loadShim(serving);
    let result: ChaosResult;
    try {
      result = await runChaos(target, accesses, {
        seed,
        durationMs,
        faults,
        everyMs,
        clients: options.clients,
        operationsPerSecond: options.rate,
        signal: interrupt.signal,
        onFault: ({ kind, detail }) => progress.done(`${kind}: ${detail}`),
      });
    } finally {
      await target.unloadShim(serving);
    }
    const folder = options.report ?? join(paths.dir, 'chaos', `run-${seed}`);
    const { html, json } = writeReport(folder, result);
    process.stdout.write(`\n${renderText(result)}Report: ${html}\n        ${json}\n`);
    if (!result.ok) process.exitCode = 1;
  } finally {
    target.close();
  }
}

/** `90s`, `10m`, `1h`, `500ms`. @throws CliError for anything else */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match?.[2] ?? ''];
  if (!match || !unitMs)
    throw new CliError(`${option} ${text}: expected a duration such as 90s, 10m or 1h`, { exitCode: 2 });
  return Number(match[1]) * unitMs;
}

/** What was asked for must be possible; of the default, what is possible here. */
function chooseFaults(target: ClusterTarget, asked: string | undefined, progress: Progress): FaultKind[] {
  const chosen: FaultKind[] = [];
  for (const name of asked?.split(',') ?? defaultFaults) {
    const kind = faultKinds.find((one) => one === name);
    if (!kind)
      throw new CliError(`--faults: there is no fault "${name}". There are: ${faultKinds.join(', ')}`, { exitCode: 2 });
    const reason = target.unavailable(kind);
    if (reason === undefined) chosen.push(kind);
    else if (asked !== undefined) throw new CliError(`--faults: ${kind} is not possible here: ${reason}`);
    else progress.line(`Without ${kind}: ${reason}.`);
  }
  return chosen;
}

/** Both, unless told otherwise; etcd's where the masters have it. */
function chooseApis(cluster: Cluster, paths: ClusterPaths, asked: string | undefined): StoreAccess[] {
  const known: Record<string, () => StoreAccess> = { kubernetes: () => kubernetes(cluster, paths) };
  if (membersOfKind(cluster, 'master').every((master) => master.ports.etcd !== undefined)) {
    known.etcd = () => etcd(cluster, paths);
  }
  return (asked?.split(',') ?? Object.keys(known)).map((name) => {
    const open = known[name];
    if (!open)
      throw new CliError(`--api ${name}: this cluster has ${Object.keys(known).join(' and ')}`, { exitCode: 2 });
    return open();
  });
}

function etcd(cluster: Cluster, paths: ClusterPaths): StoreAccess {
  return etcdAccess({
    tls: new PkiDirectory(paths.pkiDir).files('admin'),
    prefix: `chaos-${Date.now().toString(36)}/`,
    ways: membersOfKind(cluster, 'master').map((master) => ({ via: master.name, address: endpoint(master, 'etcd') })),
  });
}

function kubernetes(cluster: Cluster, paths: ClusterPaths) {
  const access = loadKubeconfig(paths.kubeconfig);
  const masters = membersOfKind(cluster, 'master');
  const direct = masters.map((master) => ({ via: master.name, server: `https://${endpoint(master, 'api')}` }));
  return kubeAccess({
    access,
    namespace: `trimast-chaos-${Date.now().toString(36)}`,
    ways: [{ via: 'lb', server: access.server }, ...direct],
  });
}

async function untilAllServe(target: ClusterTarget): Promise<void> {
  const silent: string[] = [];
  for (const master of target.masters) if (!(await target.state(master))) silent.push(master);
  if (silent.length > 0) throw new CliError(`${silent.join(', ')} does not answer: run "trimast up" first`);
}

async function untilServing(target: ClusterTarget, master: string): Promise<void> {
  const deadlineMs = performance.now() + servingTimeoutMs;
  while (performance.now() < deadlineMs) {
    const state = await target.state(master);
    if (state?.role === 'leader' || state?.role === 'follower') return;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new CliError(`${master} does not serve ${servingTimeoutMs} ms after its start; see "trimast logs ${master}"`);
}
