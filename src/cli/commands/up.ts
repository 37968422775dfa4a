/** `trimast up`: everything that is not running is started, all at once, from what is on disk. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { saveCluster } from '../cluster/cluster-file.ts';
import { findProgram } from '../cluster/detect-runtime.ts';
import { withLock } from '../cluster/lock.ts';
import { type ClusterRequest, type MadeCluster, makeCluster } from '../cluster/make-cluster.ts';
import { clusterPaths, type DirOption, requireRights } from '../cluster/open-cluster.ts';
import { type ClusterPaths, defaultDir } from '../cluster/paths.ts';
import { type Cluster, membersOfKind } from '../cluster/topology.ts';
import { ensureNetwork } from '../host/network.ts';
import { signalProcess } from '../host/processes.ts';
import { ensureCertificates } from '../members/ensure-certificates.ts';
import { type EnsuredMember, ensureMember } from '../members/ensure-member.ts';
import { runningProcess } from '../members/pid-file.ts';
import { waitForMasters, waitForNodes, waitForSocket } from '../members/wait-until-ready.ts';
import { Progress } from '../progress.ts';

export async function up(options: ClusterRequest & DirOption): Promise<void> {
  const progress = new Progress();
  const paths = clusterPaths(options);
  await withLock(paths.lockFile, async () => {
    const made = await makeCluster(paths, options);
    progress.line(firstLine(made, paths));
    requireRights(made.cluster);
    await start(made.cluster, paths, progress);
    const formed = { ...made.cluster, formed: true };
    if (!made.cluster.formed) saveCluster(paths, formed);
    if (options.masters !== undefined) await resize(formed, paths, options.masters, progress);
  });
  progress.line(`Up in ${progress.seconds()} s.`);
  progress.line(nextSteps(paths));
}

async function start(cluster: Cluster, paths: ClusterPaths, progress: Progress): Promise<void> {
  resumePaused(cluster, paths, progress);
  const images = cluster.runtime === 'containerd' && membersOfKind(cluster, 'containerd').length > 0;
  const [archives] = await Promise.all([
    images ? buildImages(paths) : undefined,
    ensureCertificates(cluster, paths),
    ensureNetwork(cluster),
  ]);
  progress.done(cluster.runtime === 'containerd' ? 'certificates, images and network' : 'certificates');

  const ensured = await Promise.all(cluster.members.map((member) => ensureMember(cluster, member, paths)));
  const started = ensured.filter((one) => one.started).map((one) => one.member.name);
  progress.done(started.length > 0 ? `started ${started.join(', ')}` : 'everything runs already');

  const imported = archives && importImages(ensured, archives, paths, progress);
  // Awaited last; a failure before that must not count as unhandled.
  imported?.catch(() => undefined);
  const leader = await waitForMasters(cluster, paths, ensured);
  progress.done(`masters answer, ${leader.name} leads (term ${leader.term})`);
  if (cluster.disable?.some((part) => part === 'controllers' || part === 'node-ipam')) {
    await imported;
    progress.done('nodes are Ready once somebody gives them ranges for their pods');
    return;
  }
  const nodes = await waitForNodes(cluster, paths, ensured);
  await imported;
  progress.done(`${nodes} ${nodes === 1 ? 'node' : 'nodes'} Ready`);
}

/** A cluster that is there grows or shrinks one master after the other. */
async function resize(cluster: Cluster, paths: ClusterPaths, masters: number, progress: Progress): Promise<void> {
  if (masters === membersOfKind(cluster, 'master').length) return;
  const { resizeMasters } = await import('./member.ts');
  await resizeMasters(cluster, paths, masters, progress);
}

function resumePaused(cluster: Cluster, paths: ClusterPaths, progress: Progress): void {
  for (const { name } of cluster.members) {
    const running = runningProcess(paths.runDir, name);
    if (running?.state !== 'paused') continue;
    signalProcess(running, 'SIGCONT');
    progress.done(`resumed ${name}, which was paused`);
  }
}

type Archives = Awaited<ReturnType<typeof buildImages>>;

async function buildImages(paths: ClusterPaths) {
  const { buildBaseImages } = await import('../../node-agent/images/index.ts');
  return buildBaseImages(join(paths.dir, 'images'));
}

/** Into every containerd that was just started; one that runs has them already. */
async function importImages(
  ensured: readonly EnsuredMember[],
  archives: Archives,
  paths: ClusterPaths,
  progress: Progress,
): Promise<void> {
  const { importImage } = await import('../../node-agent/images/index.ts');
  const containerds = ensured.filter((one) => one.member.kind === 'containerd' && one.started);
  await Promise.all(
    containerds.map(async (one) => {
      const socket = paths.containerdSocket(one.member.worker!);
      await waitForSocket(one, socket, paths);
      await Promise.all([importImage(socket, archives.pause), importImage(socket, archives.busybox)]);
    }),
  );
  if (containerds.length > 0) progress.done(`images in ${containerds.map((one) => one.member.worker).join(', ')}`);
}

function firstLine({ cluster, isNew, reason }: MadeCluster, paths: ClusterPaths): string {
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;
  const agents = membersOfKind(cluster, 'agent');
  const shape = [count(membersOfKind(cluster, 'master').length, 'master')];
  const workers = agents.filter((agent) => agent.worker !== undefined).length;
  if (workers > 0) shape.push(count(workers, 'worker'));
  const hollow = agents.find((agent) => agent.worker === undefined)?.hollowNodes ?? 0;
  if (hollow > 0) shape.push(count(hollow, 'hollow node'));
  const which = `${isNew ? 'New cluster' : 'Cluster'} ${cluster.id} in ${paths.dir}: ${shape.join(', ')}.`;
  if (cluster.runtime === 'containerd') return `${which} Pods run as real containers.`;
  return `HOLLOW NODES: pods are reported as running, but no containers are started (${reason}). ${which}`;
}

function nextSteps(paths: ClusterPaths): string {
  const dir = paths.dir === defaultDir ? '' : ` --dir ${paths.dir}`;
  const command = `./trimast${dir}`;
  const kubectl = findProgram('kubectl') ? 'kubectl ' : '';
  const example = existsSync(join(process.cwd(), 'examples/hello.yaml')) ? 'examples/hello.yaml' : 'FILE';
  return [
    'Next:',
    `  ${command} ${kubectl}apply -f ${example}`,
    `  ${command} ${kubectl}get pods -o wide`,
    `  ${command} kill leader`,
    `  ${command} status`,
    `  ${command} down`,
    `Any Kubernetes client works with: export KUBECONFIG=${paths.kubeconfig}`,
  ].join('\n');
}
