/** The members' configuration files, from the topology. Pure: the same cluster gives the same text. */
import { dirname } from 'node:path';
import type { LoadBalancerConfig } from '../../lb/config.ts';
import type { AgentConfig } from '../../node-agent/config.ts';
import type { CertificateFiles } from '../../pki/pki-directory.ts';
import type { MasterConfig } from '../../server/config.ts';
import { addressAt, parseCidr } from './cidr.ts';
import type { ClusterPaths } from './paths.ts';
import { type Cluster, endpoint, ipv6AddressOf, type Member, membersOfKind } from './topology.ts';

type Files = (name: string) => CertificateFiles;

export function renderMaster(
  cluster: Cluster,
  member: Member,
  paths: ClusterPaths,
  files: Files,
  serviceAccountKeyFile: string,
): MasterConfig {
  return {
    name: member.name,
    clusterId: cluster.id,
    ...(cluster.epoch !== undefined && { epoch: cluster.epoch }),
    memberId: member.memberId!,
    ...(cluster.formed && { join: true }),
    identityKeyFile: paths.identityKeyFile(member.name),
    dataDir: paths.memberData(member.name),
    members: membersOfKind(cluster, 'master').map((master) => ({
      id: master.memberId!,
      name: master.name,
      apiAddress: endpoint(master, 'api'),
      grpcAddress: endpoint(master, 'grpc'),
      raftAddress: endpoint(master, 'raft'),
      // A cluster that was made by an earlier version has no port for it.
      ...(master.ports.etcd !== undefined && { etcdAddress: endpoint(master, 'etcd') }),
    })),
    tls: files(member.name),
    serviceAccountKeyFile,
    signing: { certFile: paths.caFile, keyFile: paths.caKeyFile },
    frontProxy: paths.frontProxy,
    network: {
      podCidr: bothFamilies(cluster, 'podCidr'),
      nodeCidrMaskSize: cluster.network.nodeCidrMaskSize,
      serviceCidr: bothFamilies(cluster, 'serviceCidr'),
      clusterDomain: cluster.network.clusterDomain,
      ...(cluster.network.hostCidr && { loadBalancerPools: [balancerPool(cluster.network.hostCidr)] }),
    },
    ...(cluster.nodeLifecycle && { nodeLifecycle: cluster.nodeLifecycle }),
    ...(cluster.scrubPauseMs !== undefined && { scrubPauseMs: cluster.scrubPauseMs }),
    ...(cluster.backup && { backup: cluster.backup }),
    ...(cluster.apiServer && { apiServer: cluster.apiServer }),
    ...(cluster.disable && { disable: cluster.disable }),
  };
}

/** The end of the hosts' range, behind the workers. */
function balancerPool(hostCidr: string): string {
  const range = parseCidr(hostCidr);
  return `${addressAt(range, 201)}-${addressAt(range, 250)}`;
}

export function renderAgent(cluster: Cluster, member: Member, paths: ClusterPaths, files: Files): AgentConfig {
  const runtime: AgentConfig['runtime'] =
    member.hollowNodes === undefined
      ? {
          kind: 'containerd',
          socket: paths.containerdSocket(member.name),
          cniConfDir: paths.cniConfDir(member.name),
          podLogsDir: `${paths.memberData(member.name)}/pod-logs`,
          cgroupParent: cgroupName(cluster, member.name),
        }
      : { kind: 'hollow', nodes: member.hollowNodes, certDir: dirname(files(member.name).certFile) };
  const address6 = ipv6AddressOf(cluster, member.address);
  return {
    nodeName: member.name,
    dataDir: paths.memberData(member.name),
    masters: membersOfKind(cluster, 'master').map((master) => endpoint(master, 'grpc')),
    tls: files(member.name),
    address: member.address,
    port: member.ports.https!,
    runtime,
    clusterDomain: cluster.network.clusterDomain,
    clusterDns: dnsAddresses(cluster),
    ...(address6 !== undefined && { moreAddresses: [address6] }),
  };
}

function bothFamilies({ network }: Cluster, range: 'podCidr' | 'serviceCidr'): string {
  return network.ipv6 ? `${network[range]},${network.ipv6[range]}` : network[range];
}

/** The tenth of each service range. */
function dnsAddresses({ network }: Cluster): string[] {
  const ipv4 = addressAt(parseCidr(network.serviceCidr), 10);
  return network.ipv6 ? [ipv4, network.ipv6.serviceCidr.replace('::/108', '::a')] : [ipv4];
}

export function renderLoadBalancer(cluster: Cluster, member: Member, files: Files): LoadBalancerConfig {
  return {
    listen: endpoint(member, 'api'),
    backends: membersOfKind(cluster, 'master').map((master) => ({
      name: master.name,
      address: endpoint(master, 'api'),
    })),
    tls: files(member.name),
  };
}

/** Parent of all pods of one worker, in every hierarchy. */
export function cgroupName(cluster: Cluster, worker: string): string {
  return `/trimast-${cluster.id}-${worker}`;
}
