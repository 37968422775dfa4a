/** Connections to Services for this master's own purposes: webhooks, aggregated APIs. Nothing here needs a route to cluster IPs or pods. */
import type { Duplex } from 'node:stream';
import type { Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';
import { serviceAddress } from './locate.ts';
import { type DialPod, dialTcp } from './pod-dialer.ts';

const endpointSlices = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' } as const;

export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

export type ConnectService = (service: ServicePort, signal?: AbortSignal) => Promise<Duplex>;

export interface ServiceConnectorOptions {
  /** Reads as this master. */
  readonly client: Pick<ApiClient, 'get' | 'list'>;
  readonly dial: DialPod;
  readonly random: () => number;
}

/** What this replica knows of Services and endpoints decides. The function rejects with an Error that says why it cannot be reached. */
export function serviceConnector({ client, dial, random }: ServiceConnectorOptions): ConnectService {
  return async ({ namespace, name, port }, signal) => {
    const any = { resourceVersion: '0' };
    const service = await client.get<Service>(resources.services, { namespace, name }, any).catch((error: unknown) => {
      // Those who hear of it have not asked for a resource of the API.
      throw isReason(error, 'NotFound')
        ? new Error(`service ${JSON.stringify(name)} not found`, { cause: error })
        : error;
    });
    const { type, externalName } = service.spec ?? {};
    if (type === 'ExternalName' && externalName) return dialTcp(externalName, port, signal);
    const labelSelector = `kubernetes.io/service-name=${name}`;
    const { items } = await client.list<EndpointSlice>(endpointSlices, { namespace, labelSelector, ...any });
    return dial(serviceAddress(service, String(port), items, random()), signal);
  };
}
