/** The CA, and a certificate for every member and for the administrator. Makes only what is missing or about to expire. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  adminCertificate,
  agentCertificate,
  etcdClientCertificate,
  frontProxyCertificate,
  loadBalancerCertificate,
  masterCertificate,
} from '../../pki/identities.ts';
import { writeKubeconfig } from '../../pki/kubeconfig.ts';
import { PkiDirectory } from '../../pki/pki-directory.ts';
import { addressAt, parseCidr } from '../cluster/cidr.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, endpoint, membersOfKind, nodeNames } from '../cluster/topology.ts';

export async function ensureCertificates(
  cluster: Cluster,
  paths: ClusterPaths,
  /** `force`: all of them, also those that are good. */
  options: { readonly force?: boolean } = {},
): Promise<void> {
  const pki = new PkiDirectory(paths.pkiDir);
  await pki.init(cluster.id);
  const frontProxy = new PkiDirectory(dirname(paths.frontProxy.caFile));
  await frontProxy.initAuthority(`trimast-front-proxy-ca-${cluster.id}`);
  await frontProxy.ensure('front-proxy', frontProxyCertificate, options);
  const balancers = membersOfKind(cluster, 'lb');
  const serviceAddress = addressAt(parseCidr(cluster.network.serviceCidr), 1);
  for (const { name, kind, address, hollowNodes } of cluster.members) {
    if (kind === 'lb') await pki.ensure(name, loadBalancerCertificate(name), options);
    if (kind === 'master') {
      const addresses = [address, ...balancers.map((balancer) => balancer.address), serviceAddress];
      const { clusterDomain } = cluster.network;
      await pki.ensure(name, masterCertificate({ name, addresses, clusterDomain }), options);
    }
    if (kind !== 'agent') continue;
    // A process that plays many nodes has a server certificate as the process, and one client identity per node.
    await pki.ensure(name, agentCertificate(name, [address]), options);
    if ((hollowNodes ?? 1) === 1) continue;
    for (const node of nodeNames({ name, kind, address, hollowNodes: hollowNodes!, ports: {} })) {
      await pki.ensure(node, agentCertificate(node, [address]), options);
    }
  }
  await pki.ensure('etcd-client', etcdClientCertificate, options);
  const renewed = await pki.ensure('admin', adminCertificate, options);
  if (!renewed && existsSync(paths.kubeconfig)) return;
  writeKubeconfig(paths.kubeconfig, {
    server: `https://${endpoint(balancers[0]!, 'api')}`,
    clusterName: `trimast-${cluster.id}`,
    userName: 'kubernetes-admin',
    files: pki.files('admin'),
  });
}
