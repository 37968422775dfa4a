/** The Service `default/kubernetes`: how clients inside of the cluster find the masters. Its address is the first of the service range. */
import { isIPv6 } from 'node:net';
import type { Endpoints, Service } from '../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../api/generated/types/discovery-v1.ts';
import type { GroupVersionResource, TypedObject } from '../api/types.ts';
import { resources } from '../api/types.ts';
import type { ApiClient, LeaderContext } from '../client/types.ts';
import type { Logger } from '../lib/logger.ts';
import type { MemberDirectory } from './cluster/member-directory.ts';
import type { MasterConfig } from './config.ts';
import { ensureObject } from './ensure-object.ts';
import { splitAddress } from './load-config.ts';
import { serviceRanges } from './service-ranges.ts';

const namespace = 'default';
const name = 'kubernetes';
const httpsPort = 443;
const endpoints = { group: '', version: 'v1', resource: 'endpoints' };
const endpointSlices = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' };

/** Corrects it now and whenever the members change, until the leadership ends. */
export async function keepKubernetesService(
  { client, signal }: Pick<LeaderContext, 'client' | 'signal'>,
  config: Pick<MasterConfig, 'members' | 'network'>,
  directory: MemberDirectory,
  logger: Logger,
): Promise<void> {
  const correct = async (): Promise<void> => {
    if (signal.aborted) return;
    const voters = directory.list().filter(({ learner, apiAddress }) => !learner && apiAddress !== '');
    await ensureKubernetesService(client, { ...config, members: voters.length > 0 ? voters : config.members });
  };
  let running = Promise.resolve();
  directory.onChange(() => {
    running = running.then(correct).catch((error: Error) => {
      if (!signal.aborted)
        logger.warn({ reason: error.message }, 'the list of masters in the Service kubernetes is old');
    });
  });
  await correct();
}

/** Creates what is missing and corrects the list of masters. */
export async function ensureKubernetesService(client: ApiClient, config: ServiceConfig): Promise<void> {
  const wanted = planKubernetesService(config);
  await ensure(client, resources.services, wanted.service, (present) => present);
  await Promise.all([
    ensure(client, endpoints, wanted.endpoints, (present) => ({ ...present, subsets: wanted.endpoints.subsets })),
    ensure(client, endpointSlices, wanted.slice, (present) => ({
      ...present,
      endpoints: wanted.slice.endpoints,
      ports: wanted.slice.ports,
    })),
  ]);
}

interface ServiceConfig {
  readonly members: readonly { readonly apiAddress: string }[];
  readonly network: MasterConfig['network'];
}

export function planKubernetesService(config: ServiceConfig): {
  service: Service;
  endpoints: Endpoints;
  slice: EndpointSlice;
} {
  const addresses = config.members.map((member) => splitAddress(member.apiAddress));
  const hosts = addresses.map(({ host }) => host).sort();
  // Masters without root share an address and differ by port; a Service can name one port only.
  const port = addresses[0]!.port;
  const clusterIP = firstAddress(serviceRanges(config.network.serviceCidr)[0]!);
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const skipMirror = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name, labels },
      spec: {
        type: 'ClusterIP',
        clusterIP,
        clusterIPs: [clusterIP],
        ipFamilies: [isIPv6(clusterIP) ? 'IPv6' : 'IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ name: 'https', port: httpsPort, protocol: 'TCP', targetPort: port }],
      },
    },
    endpoints: {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { namespace, name, labels: skipMirror },
      subsets: [
        { addresses: [...new Set(hosts)].map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] },
      ],
    },
    slice: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace, name, labels: { 'kubernetes.io/service-name': name } },
      addressType: isIPv6(hosts[0]!) ? 'IPv6' : 'IPv4',
      endpoints: [...new Set(hosts)].map((host) => ({ addresses: [host], conditions: { ready: true } })),
      ports: [{ name: 'https', port, protocol: 'TCP' }],
    },
  };
}

/** The first usable address of a range: `10.96.0.0/16` gives `10.96.0.1`, `fd00:1::/108` gives `fd00:1::1`. */
export function firstAddress(cidr: string): string {
  const [base = ''] = cidr.split('/');
  if (base.endsWith('::')) return `${base}1`;
  return base.replace(/\d+$/, (last) => String(Number(last) + 1));
}

async function ensure<T extends TypedObject>(
  client: ApiClient,
  resource: GroupVersionResource,
  wanted: T,
  correct: (present: T) => T,
): Promise<void> {
  const present = await ensureObject(client, resource, wanted);
  const corrected = correct(present);
  if (JSON.stringify(corrected) !== JSON.stringify(present)) await client.update(resource, corrected);
}
