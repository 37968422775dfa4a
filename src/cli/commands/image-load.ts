/** `trimast image load FILE`: an OCI or Docker archive, into the containerd of every worker. */
import { existsSync } from 'node:fs';
import { importImage } from '../../node-agent/images/index.ts';
import { CliError } from '../cli-error.ts';
import { type DirOption, openCluster, requireRights } from '../cluster/open-cluster.ts';
import { membersOfKind } from '../cluster/topology.ts';
import { runningProcess } from '../members/pid-file.ts';

export async function imageLoad(file: string, options: DirOption & { name?: string | undefined }): Promise<void> {
  const { cluster, paths } = openCluster(options);
  requireRights(cluster);
  if (!existsSync(file)) throw new CliError(`no such file: ${file}`, { exitCode: 2 });
  const containerds = membersOfKind(cluster, 'containerd');
  if (containerds.length === 0) throw new CliError('this cluster has no worker with containers: its nodes are hollow');
  const down = containerds.find((member) => !runningProcess(paths.runDir, member.name));
  if (down) throw new CliError(`${down.name} is not running: start it with "trimast start ${down.name}"`);
  const results = await Promise.all(
    containerds.map(async ({ worker }) => ({
      worker,
      names: await importImage(paths.containerdSocket(worker!), file, options.name ? [options.name] : undefined),
    })),
  );
  for (const { worker, names } of results) process.stdout.write(`${worker}: ${names.join(', ')}\n`);
}
