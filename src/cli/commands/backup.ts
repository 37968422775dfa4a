/** `trimast backup create|list|verify`: the state of a running cluster as one file, in a folder or in S3-compatible storage. */
import { basename } from 'node:path';
import {
  type BackupTarget,
  type Compression,
  openBackupSource,
  openTarget,
  parseBackupName,
  type S3Options,
  verifyBackup,
} from '../../backup/index.ts';
import { fetchSnapshot } from '../../server/cluster/snapshot-source.ts';
import { writeBackup } from '../../server/cluster/write-backup.ts';
import { CliError } from '../cli-error.ts';
import { clusterExists, loadCluster } from '../cluster/cluster-file.ts';
import { clusterPaths, type DirOption, openCluster } from '../cluster/open-cluster.ts';
import { withClusterClient } from '../members/cluster-client.ts';
import { Progress } from '../progress.ts';
import { renderTable } from '../render-table.ts';

export interface PlaceOptions extends DirOption {
  readonly to?: string | undefined;
  readonly s3Endpoint?: string | undefined;
  readonly s3Region?: string | undefined;
  readonly s3Credentials?: string | undefined;
}

export function s3Options({ s3Endpoint, s3Region, s3Credentials }: PlaceOptions): S3Options {
  return { endpoint: s3Endpoint, region: s3Region, credentialsFile: s3Credentials };
}

/** `--to`, else where the cluster's schedule puts them, else `backups` in its folder. */
function place(options: PlaceOptions): BackupTarget {
  const paths = clusterPaths(options);
  const scheduled = clusterExists(paths) ? loadCluster(paths).backup : undefined;
  if (options.to === undefined && scheduled) return openTarget(scheduled.to, scheduled.s3);
  return openTarget(options.to ?? paths.backupsDir, s3Options(options));
}

const compressions: readonly Compression[] = ['none', 'gzip', 'zstd'];

export async function backupCreate(options: PlaceOptions & { compression: string }): Promise<void> {
  const compression = compressions.find((one) => one === options.compression);
  if (!compression) {
    throw new CliError(`--compression ${options.compression}: expected one of ${compressions.join(', ')}`, {
      exitCode: 2,
    });
  }
  const progress = new Progress();
  const { cluster, paths } = openCluster(options);
  const target = place(options);
  await withClusterClient(cluster, paths, 'follower', async (client, master) => {
    const { name, manifest, trailer } = await writeBackup(target, await fetchSnapshot(client), compression);
    progress.line(
      `Backup ${name}\n  from ${master.name}, revision ${manifest.revision}, epoch ${manifest.epoch}\n` +
        `  ${trailer.rawBytes} bytes, ${trailer.storedBytes} stored (${compression}), SHA-256 ${trailer.sha256}\n` +
        `  in ${target.description}, after ${progress.seconds()} s`,
    );
  });
}

export async function backupList(options: PlaceOptions & { output?: string | undefined }): Promise<void> {
  const target = place(options);
  const rows = (await target.list()).flatMap(({ name, bytes }) => {
    const parsed = parseBackupName(name);
    return parsed ? [{ ...parsed, bytes }] : [];
  });
  rows.sort((a, b) => a.takenAt.localeCompare(b.takenAt));
  if (options.output === 'json') {
    process.stdout.write(`${JSON.stringify({ place: target.description, backups: rows }, undefined, 2)}\n`);
    return;
  }
  if (rows.length === 0) {
    process.stdout.write(`No backups in ${target.description}.\n`);
    return;
  }
  const cells = rows.map(({ name, clusterId, revision, takenAt, bytes }) => [
    name,
    clusterId,
    String(revision),
    takenAt,
    String(bytes),
  ]);
  process.stdout.write(renderTable([['NAME', 'CLUSTER', 'REVISION', 'TAKEN', 'BYTES'], ...cells]));
}

export async function backupVerify(file: string, options: PlaceOptions): Promise<void> {
  const source = await openBackupSource(file, s3Options(options));
  const { manifest, trailer } = await verifyBackup(basename(file), source);
  process.stdout.write(
    `${basename(file)} is whole: cluster ${manifest.clusterId}, epoch ${manifest.epoch}, revision ${manifest.revision}, ` +
      `taken ${manifest.takenAt} by version ${manifest.version}; ${trailer.chunks} chunks, ${trailer.rawBytes} bytes, SHA-256 ${trailer.sha256}\n`,
  );
}
