/** Plans a new cluster for this machine, or opens the one that is there. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { openTarget, parseSchedule } from '../../backup/index.ts';
import { CliError } from '../cli-error.ts';
import { occupiedRanges } from '../host/network.ts';
import { clusterExists, loadCluster, saveCluster } from './cluster-file.ts';
import { detectRuntime } from './detect-runtime.ts';
import type { ClusterPaths } from './paths.ts';
import { type Cluster, type IpFamilies, ipFamilies, membersOfKind, planCluster, portBlocks } from './topology.ts';

export interface ClusterRequest {
  readonly masters?: number | undefined;
  readonly workers?: number | undefined;
  readonly hollow?: number | undefined;
  readonly nodeGraceSeconds?: number | undefined;
  readonly evictionSeconds?: number | undefined;
  readonly scrubSeconds?: number | undefined;
  readonly backupSchedule?: string | undefined;
  readonly backupTo?: string | undefined;
  readonly backupKeep?: number | undefined;
  readonly ipFamily?: string | undefined;
  readonly disable?: readonly string[] | undefined;
  readonly apiserverConfig?: string | undefined;
  readonly s3Endpoint?: string | undefined;
  readonly s3Region?: string | undefined;
  readonly s3Credentials?: string | undefined;
}

export interface MadeCluster {
  readonly cluster: Cluster;
  readonly isNew: boolean;
  /** Why the nodes are what they are. */
  readonly reason: string;
}

export async function makeCluster(paths: ClusterPaths, request: ClusterRequest): Promise<MadeCluster> {
  const { runtime, reason } = detectRuntime();
  if (clusterExists(paths)) {
    const cluster = loadCluster(paths);
    refuseChanges(cluster, paths, request);
    return { cluster, isNew: false, reason };
  }
  const nodeLifecycle = {
    ...(request.nodeGraceSeconds !== undefined && { graceMs: request.nodeGraceSeconds * 1000 }),
    ...(request.evictionSeconds !== undefined && { evictionMs: request.evictionSeconds * 1000 }),
  };
  const usedPorts = runtime === 'hollow' ? await findUsedPorts() : new Set<number>();
  try {
    const cluster = planCluster({
      hash: paths.hash,
      masters: request.masters ?? 3,
      workers: request.workers ?? 2,
      hollow: request.hollow ?? 0,
      runtime,
      occupied: runtime === 'containerd' ? await occupiedRanges() : [],
      isFree: (first, count) => ![...usedPorts].some((port) => port >= first && port < first + count),
      ...(Object.keys(nodeLifecycle).length > 0 && { nodeLifecycle }),
      backup: backupConfig(paths, request),
      ipFamily: ipFamilyOf(request),
      disable: await disabledParts(request),
      apiServer: await apiServerConfig(request),
      scrubPauseMs: request.scrubSeconds === undefined ? undefined : request.scrubSeconds * 1000,
    });
    saveCluster(paths, cluster);
    return { cluster, isNew: true, reason };
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(error.message, { cause: error, exitCode: 2 });
    throw error;
  }
}

/** @throws CliError for what is no family */
function ipFamilyOf({ ipFamily }: ClusterRequest): IpFamilies | undefined {
  const known = ipFamilies.find((family) => family === ipFamily);
  if (ipFamily !== undefined && !known)
    throw new CliError(`--ip-family ${ipFamily}: expected ${ipFamilies.join(' or ')}`, { exitCode: 2 });
  return known;
}

/** @throws CliError when the schedule or the place is none */
function backupConfig(paths: ClusterPaths, request: ClusterRequest): Cluster['backup'] {
  const { backupSchedule: schedule, backupTo, backupKeep: keep, s3Endpoint, s3Region, s3Credentials } = request;
  if (schedule === undefined) return undefined;
  const s3 = {
    ...(s3Endpoint !== undefined && { endpoint: s3Endpoint }),
    ...(s3Region !== undefined && { region: s3Region }),
    ...(s3Credentials !== undefined && { credentialsFile: resolve(s3Credentials) }),
  };
  const to = backupTo === undefined ? paths.backupsDir : backupTo.startsWith('s3://') ? backupTo : resolve(backupTo);
  try {
    parseSchedule(schedule);
    openTarget(to, s3);
  } catch (error) {
    throw new CliError((error as Error).message, { cause: error, exitCode: 2 });
  }
  return { schedule, to, ...(keep !== undefined && { keep }), ...(Object.keys(s3).length > 0 && { s3 }) };
}

/** Its paths are relative to the file. @throws CliError for a file that is no JSON object */
async function apiServerConfig({ apiserverConfig: file }: ClusterRequest): Promise<Cluster['apiServer']> {
  if (file === undefined) return undefined;
  const { resolveApiServerConfig } = await import('../../server/load-config.ts');
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) throw new Error('it is no JSON object');
    return resolveApiServerConfig(parsed, (path) => resolve(dirname(file), path));
  } catch (cause) {
    throw new CliError(`--apiserver-config ${file}: ${(cause as Error).message}`, { cause, exitCode: 2 });
  }
}

/** @throws CliError for a name that there is not */
async function disabledParts({ disable }: ClusterRequest): Promise<Cluster['disable']> {
  if (!disable) return undefined;
  const { disableProblem } = await import('../../server/disable.ts');
  const problem = disableProblem(disable);
  if (problem !== undefined) throw new CliError(`--disable ${problem}`, { exitCode: 2 });
  return disable;
}

/** A cluster keeps the shape that it was made with. */
function refuseChanges(cluster: Cluster, paths: ClusterPaths, request: ClusterRequest): void {
  const agents = membersOfKind(cluster, 'agent');
  const now = {
    workers: agents.filter((agent) => agent.worker !== undefined).length,
    hollow: agents.find((agent) => agent.worker === undefined)?.hollowNodes ?? 0,
  };
  // Another number of masters is what "up" then makes of it.
  for (const key of ['workers', 'hollow'] as const) {
    if (request[key] === undefined || request[key] === now[key]) continue;
    throw new CliError(
      `--${key} ${request[key]}: the cluster in ${paths.dir} was made with ${now[key]}. ` +
        'Make another one with --dir, or start afresh after "trimast down --purge".',
      { exitCode: 2 },
    );
  }
}

/** Offsets within a block that a small cluster uses for certain. */
const probedOffsets = [0, 4, 5, 6, 8, 12, 101, 102];

/** Ports of the planning range that something listens on now. */
async function findUsedPorts(): Promise<Set<number>> {
  const used = new Set<number>();
  const ports: number[] = [];
  for (let block = 0; block < portBlocks.count; block++) {
    for (const offset of probedOffsets) ports.push(portBlocks.start + block * portBlocks.size + offset);
  }
  await Promise.all(
    ports.map(async (port) => {
      if (!(await canListen(port))) used.add(port);
    }),
  );
  return used;
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
