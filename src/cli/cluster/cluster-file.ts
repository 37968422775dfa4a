/** `cluster.json`: the topology, written once when the cluster is made and never changed. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { writeAtomically } from '../../pki/pki-directory.ts';
import { CliError } from '../cli-error.ts';
import type { ClusterPaths } from './paths.ts';
import type { Cluster, Member } from './topology.ts';

export function clusterExists(paths: ClusterPaths): boolean {
  return existsSync(paths.clusterFile);
}

/** @throws CliError when there is no cluster in the folder, or its file is of another kind. */
export function loadCluster(paths: ClusterPaths): Cluster {
  if (!clusterExists(paths)) {
    throw new CliError(`no cluster in ${paths.dir}: make one with "trimast up", or name its folder with --dir`);
  }
  let cluster: Cluster;
  try {
    cluster = JSON.parse(readFileSync(paths.clusterFile, 'utf8')) as Cluster;
  } catch (cause) {
    throw new CliError(`read ${paths.clusterFile}: it is damaged; restore it from a copy`, { cause });
  }
  if (cluster.version !== 1) {
    throw new CliError(`${paths.clusterFile} has version ${cluster.version}; this trimast knows version 1`);
  }
  const id = paths.hash.slice(0, 6);
  if (cluster.id !== id) {
    throw new CliError(
      `the cluster in ${paths.dir} was made in another folder: its id is ${cluster.id}, the folder's ${id}. Move it back.`,
    );
  }
  return cluster;
}

export function saveCluster(paths: ClusterPaths, cluster: Cluster): void {
  mkdirSync(paths.dir, { recursive: true, mode: 0o755 });
  writeAtomically(paths.clusterFile, `${JSON.stringify(cluster, undefined, 2)}\n`, 0o644);
}

/** @throws CliError that lists the members when none has this name. */
export function findMember(cluster: Cluster, name: string): Member {
  const member = cluster.members.find((candidate) => candidate.name === name);
  if (member) return member;
  const names = cluster.members.map((candidate) => candidate.name).join(', ');
  throw new CliError(`no member is named "${name}". Members: ${names}`, { exitCode: 2 });
}
