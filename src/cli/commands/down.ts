/** `trimast down`: ends everything of a cluster and leaves nothing on the machine but its folder; `--purge` removes its data too. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../cli-error.ts';
import { clusterExists, loadCluster } from '../cluster/cluster-file.ts';
import { withLock } from '../cluster/lock.ts';
import { clusterPaths, type DirOption, requireRights } from '../cluster/open-cluster.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, type Member, membersOfKind } from '../cluster/topology.ts';
import { findCgroups, removeCgroups } from '../host/cgroups.ts';
import { removeMounts } from '../host/mounts.ts';
import { removeNetwork } from '../host/network.ts';
import { findLeftovers, removeLeftovers } from '../members/leftovers.ts';
import { removePidFile, runningProcess } from '../members/pid-file.ts';
import { endMember } from '../members/stop-member.ts';
import { Progress } from '../progress.ts';

const graceMs = 8_000;
/** What a cluster may have in its folder; backups stay. The folder may be one that a user had before: nothing else in it is touched. */
const purged = ['cluster.json', 'kubeconfig', 'pki', 'config', 'run', 'logs', 'data', 'images'];

export async function down(options: DirOption & { purge?: boolean | undefined }): Promise<void> {
  const progress = new Progress();
  const paths = clusterPaths(options);
  if (!clusterExists(paths)) {
    progress.line(`No cluster in ${paths.dir}: nothing to do.`);
    return;
  }
  await withLock(paths.lockFile, async () => {
    const cluster = loadCluster(paths);
    requireRights(cluster);
    await endMembers(cluster, paths, progress);
    for (const { name } of cluster.members) removePidFile(paths.runDir, name);
    if (cluster.runtime === 'containerd') {
      await removeTraces(cluster, paths);
      progress.done('network, mounts and cgroups removed');
    }
    if (options.purge) {
      for (const name of purged) rmSync(join(paths.dir, name), { recursive: true, force: true });
      progress.done(`data removed from ${paths.dir}`);
    }
  });
  if (options.purge && existsSync(paths.dir) && readdirSync(paths.dir).length === 0) rmdirSync(paths.dir);
  progress.line(options.purge ? 'Down, and gone.' : 'Down. "trimast up" brings the same cluster back.');
}

async function endMembers(cluster: Cluster, paths: ClusterPaths, progress: Progress): Promise<void> {
  const end = (members: readonly Member[]) => Promise.all(members.map((member) => endMember(member, paths, graceMs)));
  // Agents first: they would start again what is being removed.
  await end(membersOfKind(cluster, 'agent'));
  progress.done('agents ended');
  const workers = membersOfKind(cluster, 'containerd');
  await Promise.all([
    end([...membersOfKind(cluster, 'lb'), ...membersOfKind(cluster, 'master')]),
    ...workers.map((containerd) => endWorker(containerd, paths, progress)),
  ]);
  progress.done('masters and load balancer ended');
}

async function endWorker(containerd: Member, paths: ClusterPaths, progress: Progress): Promise<void> {
  const pods = await import('../members/remove-pods.ts');
  const worker = containerd.worker!;
  const leftovers = findLeftovers(paths, worker);
  if (runningProcess(paths.runDir, containerd.name)?.state === 'running') {
    try {
      const count = await pods.removeSandboxes(paths.containerdSocket(worker));
      progress.done(`${worker}: ${count} ${count === 1 ? 'pod' : 'pods'} removed`);
    } catch (error) {
      progress.done(
        `${worker}: containerd could not remove its pods (${describeError(error)}); removing them by force`,
      );
    }
  }
  await endMember(containerd, paths, graceMs);
  await pods.killStrays(paths, worker);
  await removeLeftovers(leftovers);
}

async function removeTraces(cluster: Cluster, paths: ClusterPaths): Promise<void> {
  await removeCgroups(findCgroups(`trimast-${cluster.id}-`));
  const states = membersOfKind(cluster, 'containerd').map((member) => paths.containerdState(member.worker!));
  await removeMounts([paths.dir, ...states]);
  for (const state of states) rmSync(state, { recursive: true, force: true });
  if (paths.runtimeDir !== paths.runDir) rmSync(paths.runtimeDir, { recursive: true, force: true });
  await removeNetwork(cluster);
}
