/** The cluster that a command is about: `--dir`, else TRIMAST_DIR, else `.trimast` in the repository. */
import { CliError } from '../cli-error.ts';
import { loadCluster } from './cluster-file.ts';
import { ClusterPaths, defaultDir } from './paths.ts';
import type { Cluster } from './topology.ts';

export interface DirOption {
  readonly dir?: string | undefined;
}

export function clusterPaths(options: DirOption): ClusterPaths {
  return new ClusterPaths(options.dir ?? process.env.TRIMAST_DIR ?? defaultDir);
}

export function openCluster(options: DirOption): { cluster: Cluster; paths: ClusterPaths } {
  const paths = clusterPaths(options);
  return { cluster: loadCluster(paths), paths };
}

/** @throws CliError when the cluster has real containers and this user may not touch them. */
export function requireRights(cluster: Cluster): void {
  if (cluster.runtime === 'containerd' && process.getuid?.() !== 0) {
    throw new CliError('this cluster has network namespaces and containers: run the command as root');
  }
}
