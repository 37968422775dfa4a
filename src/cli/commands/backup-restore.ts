/** `trimast backup restore FILE`: makes a cluster, or the masters of one that is down, begin with the state of a backup. */
import { existsSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { openBackup, openBackupSource } from '../../backup/index.ts';
import { seedFolders, stateOfBackup } from '../../server/offline/state-folder.ts';
import { CliError } from '../cli-error.ts';
import { saveCluster } from '../cluster/cluster-file.ts';
import { withLock } from '../cluster/lock.ts';
import { type ClusterRequest, makeCluster } from '../cluster/make-cluster.ts';
import { clusterPaths, requireRights } from '../cluster/open-cluster.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { setAside } from '../cluster/set-aside.ts';
import { type Cluster, endpoint, membersOfKind } from '../cluster/topology.ts';
import { runningProcess } from '../members/pid-file.ts';
import { Progress } from '../progress.ts';
import { type PlaceOptions, s3Options } from './backup.ts';

export interface RestoreOptions extends PlaceOptions, ClusterRequest {
  /** Data that is there is moved aside. */
  readonly replace?: boolean | undefined;
}

export async function backupRestore(file: string, options: RestoreOptions): Promise<void> {
  const progress = new Progress();
  const paths = clusterPaths(options);
  await withLock(paths.lockFile, async () => {
    // Read to the end, and every checksum compared, before anything is changed.
    const backup = await openBackup(basename(file), await openBackupSource(file, s3Options(options)));
    const state = await stateOfBackup(backup.chunks(), backup.manifest.appliedIndex);
    const { manifest } = backup;
    progress.done(`read ${basename(file)}: cluster ${manifest.clusterId}, revision ${manifest.revision}`);

    const { cluster: before, isNew } = await makeCluster(paths, options);
    requireRights(before);
    refuseRunning(before, paths);
    const aside = clearData(before, paths, options.replace ?? false);
    for (const folder of aside) progress.done(`moved the old data to ${folder}`);
    const epoch = nextEpoch(before, isNew, manifest);
    const cluster: Cluster = { ...before, epoch, formed: true };
    const masters = membersOfKind(cluster, 'master');
    const revision = await seedFolders(state, {
      identity: { clusterId: cluster.id, epoch },
      members: masters.map((master) => ({
        id: master.memberId!,
        name: master.name,
        address: endpoint(master, 'raft'),
      })),
      folders: masters.map((master) => ({ memberId: master.memberId!, dataDir: paths.memberData(master.name) })),
    });
    saveCluster(paths, cluster);
    progress.done(`${masters.length} masters of cluster ${cluster.id} begin at revision ${revision}, epoch ${epoch}`);
  });
  progress.line('Restored. Start it with "trimast up".');
}

/** A higher epoch than any that the cluster or the backup's members knew under this id. */
function nextEpoch(cluster: Cluster, isNew: boolean, manifest: { clusterId: string; epoch: number }): number {
  const known = manifest.clusterId === cluster.id ? manifest.epoch : 0;
  return Math.max(isNew ? 0 : (cluster.epoch ?? 1), known) + 1;
}

function refuseRunning(cluster: Cluster, paths: ClusterPaths): void {
  const running = membersOfKind(cluster, 'master').filter(({ name }) => runningProcess(paths.runDir, name));
  if (running.length === 0) return;
  throw new CliError(
    `${running.map(({ name }) => name).join(', ')} still ${running.length === 1 ? 'runs' : 'run'}: a restore replaces the state of ` +
      'all masters. Stop the cluster with "trimast down" first, or restore into another one with --dir',
  );
}

function clearData(cluster: Cluster, paths: ClusterPaths, replace: boolean): string[] {
  const folders = membersOfKind(cluster, 'master').map(({ name }) => paths.memberData(name));
  const full = folders.filter((folder) => existsSync(folder) && readdirSync(folder).length > 0);
  if (full.length > 0 && !replace) {
    throw new CliError(`${full.join(', ')}: there is data already. With --replace it is moved aside (not deleted)`);
  }
  return folders.flatMap((folder) => setAside(folder, 'before-restore') ?? []);
}
