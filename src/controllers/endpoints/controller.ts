/** Keeps Endpoints and EndpointSlices of every Service with a selector equal to the pods behind it. */
import { canonicalJson } from '../../api/canonical-json.ts';
import type { Endpoints, Node, Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { isReason } from '../../api/status.ts';
import { type GroupVersionResource, resources } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { isNamespaceTerminating } from '../shared/errors.ts';
import { controllerOf, controllerReference, isDeleting, ownerIndexers } from '../shared/owners.ts';
import { planEndpoints } from './plan.ts';
import { SliceWriter, slicesResource } from './slice-writer.ts';
import { managedByLabel, planSlices, type SliceOwner } from './slices.ts';

const endpointsResource: GroupVersionResource = { group: '', version: 'v1', resource: 'endpoints' };
const managedBy = 'endpointslice-controller.k8s.io';
const zoneLabel = 'topology.kubernetes.io/zone';
const workers = 16;
/** Safety only: what makes our own writes visible wakes the Service, too. */
const invisibleRetryMs = 30_000;

export class EndpointsController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  readonly #endpoints: Informer<Endpoints>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #nodes: Informer<Node>;
  readonly #writer: SliceWriter;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#services = context.informers.of<Service>(resources.services);
    this.#pods = context.informers.of<Pod>(resources.pods);
    this.#endpoints = context.informers.of<Endpoints>(endpointsResource);
    this.#slices = context.informers.of<EndpointSlice>(slicesResource, ownerIndexers);
    this.#nodes = context.informers.of<Node>(resources.nodes);
    this.#writer = new SliceWriter(context.client, this.#slices);
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    const enqueue = (service: Service) => this.#queue.add(keyOf(service));
    this.#services.addHandler({ add: enqueue, update: enqueue, delete: enqueue });
    this.#pods.addHandler({
      add: (pod) => this.#podChanged(pod),
      update: (pod, old) => {
        if (!sameLabels(pod, old)) this.#podChanged(old);
        this.#podChanged(pod);
      },
      delete: (pod) => this.#podChanged(pod),
    });
    const endpointsChanged = (endpoints: Endpoints) => this.#queue.add(keyOf(endpoints));
    this.#endpoints.addHandler({ update: endpointsChanged, delete: endpointsChanged });
    const sliceChanged = (slice: EndpointSlice) => {
      const owner = controllerOf(slice);
      if (owner?.kind === 'Service') this.#queue.add(`${slice.metadata?.namespace}/${owner.name}`);
    };
    this.#slices.addHandler({ add: sliceChanged, update: sliceChanged, delete: sliceChanged });
    this.#nodes.addHandler({
      update: (node, old) => {
        if (zoneOf(node) !== zoneOf(old)) this.#zoneChanged(node.metadata?.name);
      },
    });
    const informers = [this.#services, this.#pods, this.#endpoints, this.#slices, this.#nodes];
    await Promise.all(informers.map(({ synced }) => synced));
    await runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger);
  }

  #podChanged(pod: Pod): void {
    for (const service of this.#services.byNamespace(pod.metadata?.namespace ?? ''))
      if (isSelected(service, pod)) this.#queue.add(keyOf(service));
  }

  #zoneChanged(nodeName: string | undefined): void {
    for (const pod of this.#pods.list()) if (pod.spec?.nodeName === nodeName) this.#podChanged(pod);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const service = this.#services.get(key);
    if (!service) {
      this.#writer.forget(key);
      await this.#deleteEndpoints(key);
      return undefined;
    }
    if (isDeleting(service) || !hasSelector(service)) return undefined;
    if (!this.#writer.isVisible(key)) return { requeueAfterMs: invisibleRetryMs };
    const pods = this.#pods.byNamespace(service.metadata?.namespace ?? '').filter((pod) => isSelected(service, pod));
    const plan = planEndpoints(service, pods, (node) => zoneOf(this.#nodes.get(node)));
    const slices = this.#slices
      .byIndex('controller', service.metadata!.uid!)
      .filter(({ metadata }) => metadata?.labels?.[managedByLabel] === managedBy);
    const results = await Promise.allSettled([
      this.#writeEndpoints(this.#endpoints.get(key), plan.endpoints),
      this.#writer.write(key, planSlices(slices, plan.groups, ownerOf(service))),
    ]);
    for (const result of results)
      if (result.status === 'rejected' && !isNamespaceTerminating(result.reason)) throw result.reason;
    return undefined;
  }

  async #writeEndpoints(present: Endpoints | undefined, wanted: Endpoints): Promise<void> {
    const { client } = this.#context;
    if (!present) {
      await client.create(endpointsResource, wanted);
      return;
    }
    const content = ({ subsets, metadata }: Endpoints) =>
      canonicalJson({
        subsets: subsets ?? [],
        labels: metadata?.labels ?? {},
        annotations: metadata?.annotations ?? {},
      });
    if (content(present) === content(wanted)) return;
    const { subsets: _, ...rest } = present;
    const { annotations: _gone, ...kept } = present.metadata ?? {};
    const { labels, annotations } = wanted.metadata ?? {};
    const metadata = { ...kept, labels, ...(annotations && { annotations }) };
    await client.update(endpointsResource, { ...rest, metadata, ...(wanted.subsets && { subsets: wanted.subsets }) });
  }

  /** Endpoints have no owner reference: they go with their Service by name, if they are ours. */
  async #deleteEndpoints(key: string): Promise<void> {
    const endpoints = this.#endpoints.get(key);
    if (endpoints?.metadata?.labels?.['endpoints.kubernetes.io/managed-by'] !== 'endpoint-controller') return;
    const { namespace, name, uid } = endpoints.metadata;
    try {
      await this.#context.client.delete(endpointsResource, { namespace, name: name! }, { preconditions: { uid } });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }
}

function hasSelector(service: Service): boolean {
  return service.spec?.type !== 'ExternalName' && Object.keys(service.spec?.selector ?? {}).length > 0;
}

function isSelected(service: Service, pod: Pod): boolean {
  if (!hasSelector(service)) return false;
  const labels = pod.metadata?.labels ?? {};
  return Object.entries(service.spec!.selector!).every(([key, value]) => labels[key] === value);
}

function sameLabels(a: Pod, b: Pod): boolean {
  return canonicalJson(a.metadata?.labels ?? {}) === canonicalJson(b.metadata?.labels ?? {});
}

function zoneOf(node: Node | undefined): string | undefined {
  return node?.metadata?.labels?.[zoneLabel];
}

function ownerOf(service: Service): SliceOwner {
  const { namespace = '', name = '', labels = {} } = service.metadata ?? {};
  const headless = service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
  return {
    namespace,
    name,
    labels: { ...labels, ...headless, [managedByLabel]: managedBy },
    reference: controllerReference(service, 'v1', 'Service'),
    emptyFamily: service.spec?.ipFamilies?.[0] === 'IPv6' ? 'IPv6' : 'IPv4',
  };
}
