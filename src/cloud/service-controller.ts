/** Brings Services of type LoadBalancer and what the provider has for them together; one Service at a time. */

import { canonicalJson } from '../api/canonical-json.ts';
import type { LoadBalancerIngress, Node, Service } from '../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../api/generated/types/discovery-v1.ts';
import { isReason } from '../api/status.ts';
import { resources } from '../api/types.ts';
import type { EventRecorder } from '../client/events.ts';
import type { Informer } from '../client/informer.ts';
import type { InformerSet } from '../client/informer-set.ts';
import { keyOf } from '../client/object-cache.ts';
import type { ApiClient } from '../client/types.ts';
import { runWorkers, WorkQueue } from '../client/work-queue.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { CloudError, type CloudProvider } from './provider.ts';

const slicesResource = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' } as const;
const serviceLabel = 'kubernetes.io/service-name';

export interface ServiceControllerOptions {
  readonly client: ApiClient;
  readonly informers: InformerSet;
  readonly provider: CloudProvider;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ServiceController {
  readonly #options: ServiceControllerOptions;
  readonly #queue: WorkQueue;
  readonly #services: Informer<Service>;
  readonly #nodes: Informer<Node>;
  readonly #slices: Informer<EndpointSlice>;

  constructor(options: ServiceControllerOptions) {
    this.#options = options;
    const { informers, clock } = options;
    this.#queue = new WorkQueue({ clock });
    this.#services = informers.of<Service>(resources.services);
    this.#nodes = informers.of<Node>(resources.nodes);
    this.#slices = informers.of<EndpointSlice>(slicesResource);
  }

  get services(): Informer<Service> {
    return this.#services;
  }

  get nodes(): Informer<Node> {
    return this.#nodes;
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#options;
    const changed = (service: Service) => this.#queue.add(keyOf(service));
    this.#services.addHandler({ add: changed, update: changed, delete: changed });
    const nodeChanged = (node: Node, old?: Node) => {
      if (!old || canonicalJson(essence(node)) !== canonicalJson(essence(old))) this.wake();
    };
    this.#nodes.addHandler({
      add: (node) => nodeChanged(node),
      update: nodeChanged,
      delete: (node) => nodeChanged(node),
    });
    const sliceChanged = (slice: EndpointSlice) => {
      const name = slice.metadata?.labels?.[serviceLabel];
      const key = `${slice.metadata?.namespace}/${name}`;
      // Elsewhere it does not matter who has endpoints.
      if (name && this.#services.get(key)?.spec?.externalTrafficPolicy === 'Local') this.#queue.add(key);
    };
    this.#slices.addHandler({ add: sliceChanged, update: sliceChanged, delete: sliceChanged });
    await Promise.all([this.#services.synced, this.#nodes.synced, this.#slices.synced]);
    await runWorkers(this.#queue, 1, (key) => this.reconcile(key).then(() => undefined), signal, logger);
  }

  /** Looks at every load balancer again. */
  wake(): void {
    for (const service of this.#services.list()) if (this.#isOurs(service)) this.#queue.add(keyOf(service));
  }

  async reconcile(key: string): Promise<void> {
    const { provider, events } = this.#options;
    const service = this.#services.get(key);
    if (!service || service.metadata?.deletionTimestamp) return provider.loadBalancers.release(key);
    if (!this.#isOurs(service)) {
      await provider.loadBalancers.release(key);
      if (service.spec?.type !== 'LoadBalancer') await this.#write(service, [], {});
      return;
    }
    const endpointSlices = this.#slices
      .byNamespace(service.metadata?.namespace ?? '')
      .filter(({ metadata }) => metadata?.labels?.[serviceLabel] === service.metadata?.name);
    const surroundings = { nodes: [...this.#nodes.list()], endpointSlices, services: [...this.#services.list()] };
    try {
      const { ingress, annotations } = await provider.loadBalancers.ensure(service, surroundings);
      await this.#write(service, ingress, annotations);
    } catch (error) {
      if (error instanceof CloudError)
        events.record(service, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: ${error.message}`);
      throw error;
    }
  }

  #isOurs({ spec }: Service): boolean {
    if (spec?.type !== 'LoadBalancer') return false;
    return spec.loadBalancerClass === undefined || spec.loadBalancerClass === this.#options.provider.loadBalancerClass;
  }

  async #write(
    service: Service,
    ingress: readonly LoadBalancerIngress[],
    annotations: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { client, events, provider } = this.#options;
    const { namespace, name, annotations: present = {} } = service.metadata!;
    const key = { namespace, name: name! };
    const prefix = 'trimast.io/announced-by';
    const patch: Record<string, string | null> = {};
    for (const [annotation, value] of Object.entries(annotations))
      if (present[annotation] !== value) patch[annotation] = value;
    if (present[prefix] !== undefined && annotations[prefix] === undefined) patch[prefix] = null;
    try {
      if (Object.keys(patch).length > 0) {
        await client.patch(resources.services, key, 'merge', { metadata: { annotations: patch } });
        const holder = patch[prefix];
        if (holder)
          events.record(service, 'Normal', 'Announced', `${holder} answers for its addresses (${provider.name})`);
      }
      const before = service.status?.loadBalancer?.ingress ?? [];
      if (canonicalJson(essenceOfIngress(before)) === canonicalJson(essenceOfIngress(ingress))) return;
      const status = { loadBalancer: ingress.length > 0 ? { ingress } : { ingress: null } };
      await client.patch(resources.services, key, 'merge', { status }, 'status');
      if (ingress.length > 0)
        events.record(
          service,
          'Normal',
          'EnsuredLoadBalancer',
          `Ensured load balancer: ${ingress.map(({ ip }) => ip).join(', ')}`,
        );
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }
}

function essence({ metadata, spec, status }: Node) {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  return { ready, labels: metadata?.labels, taints: spec?.taints, deleting: metadata?.deletionTimestamp };
}

function essenceOfIngress(ingress: readonly LoadBalancerIngress[]) {
  return ingress.map(({ ip, hostname }) => ({ ip, hostname }));
}
