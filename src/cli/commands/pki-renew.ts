/** `trimast pki renew`: new certificates for every member of a cluster on this machine. Masters take them up while they run. */
import { withLock } from '../cluster/lock.ts';
import { type DirOption, openCluster } from '../cluster/open-cluster.ts';
import { ensureCertificates } from '../members/ensure-certificates.ts';

export async function pkiRenew(options: DirOption): Promise<void> {
  const { cluster, paths } = openCluster(options);
  await withLock(paths.lockFile, () => ensureCertificates(cluster, paths, { force: true }));
  process.stdout.write(
    'Renewed. Masters use the new certificates for new connections within a second; agents and the load balancer from their next start.\n',
  );
}
