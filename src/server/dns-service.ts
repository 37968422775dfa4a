/** The Service `kube-system/kube-dns`: the address at which every node answers for the cluster's names, where tools look for it. */
import { isIPv6 } from 'node:net';
import type { Service } from '../api/generated/types/core-v1.ts';
import { resources } from '../api/types.ts';
import type { ApiClient } from '../client/types.ts';
import type { Logger } from '../lib/logger.ts';
import type { MasterConfig } from './config.ts';
import { ensureObject } from './ensure-object.ts';

/** Which address of the service range it is, as with kubeadm. */
const position = 10;

/** Creates it when it is missing. It has no selector and no endpoints: each node answers for itself. */
export async function ensureDnsService(
  client: ApiClient,
  network: Pick<MasterConfig['network'], 'serviceCidr'>,
  logger: Logger,
): Promise<void> {
  try {
    await ensureObject(client, resources.services, dnsService(network.serviceCidr));
  } catch (error) {
    // Pods find the DNS all the same: this is for people and tools.
    logger.warn({ err: error }, 'the Service kube-dns could not be created');
  }
}

export function dnsService(serviceCidr: string): Service {
  const clusterIPs = serviceCidr.split(',').map((range) => addressAt(range.trim(), position));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      namespace: 'kube-system',
      name: 'kube-dns',
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'CoreDNS',
      },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: clusterIPs[0],
      clusterIPs,
      ipFamilies: clusterIPs.map((address) => (isIPv6(address) ? 'IPv6' : 'IPv4')),
      ipFamilyPolicy: clusterIPs.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
      ],
    },
  };
}

/** `10.96.0.0/16` at 10 is `10.96.0.10`, `fd00:1::/108` is `fd00:1::a`. The range's last number must have room. */
export function addressAt(range: string, offset: number): string {
  const [base = ''] = range.split('/');
  if (base.endsWith('::')) return `${base}${offset.toString(16)}`;
  return base.replace(/\d+$/, (last) => String(Number(last) + offset));
}
