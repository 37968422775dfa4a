/** Keeps Endpoints and EndpointSlices of every Service with a selector equal to the pods behind it. */
import { canonicalJson } from '../../api/canonical-json.ts';
import type { Endpoints, Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { isReason } from '../../api/status.ts';
import { type GroupVersionResource, resources } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { isNamespaceTerminating } from '../shared/errors.ts';
import { controllerOf, isDeleting, ownerIndexers } from '../shared/owners.ts';
import { PendingWrites } from '../shared/pending-writes.ts';
import { matchSlices, planEndpoints } from './plan.ts';

const endpointsResource: GroupVersionResource = { group: '', version: 'v1', resource: 'endpoints' };
const slicesResource: GroupVersionResource = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' };
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
  readonly #pending: PendingWrites<EndpointSlice>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#services = context.informers.of<Service>(resources.services);
    this.#pods = context.informers.of<Pod>(resources.pods);
    this.#endpoints = context.informers.of<Endpoints>(endpointsResource);
    this.#slices = context.informers.of<EndpointSlice>(slicesResource, ownerIndexers);
    this.#pending = new PendingWrites(this.#slices);
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
    await Promise.all([this.#services.synced, this.#pods.synced, this.#endpoints.synced, this.#slices.synced]);
    await runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger);
  }

  #podChanged(pod: Pod): void {
    for (const service of this.#services.byNamespace(pod.metadata?.namespace ?? ''))
      if (isSelected(service, pod)) this.#queue.add(keyOf(service));
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const service = this.#services.get(key);
    if (!service) {
      this.#pending.forget(key);
      await this.#deleteEndpoints(key);
      return undefined;
    }
    if (isDeleting(service) || !hasSelector(service)) return undefined;
    if (!this.#pending.isVisible(key)) return { requeueAfterMs: invisibleRetryMs };
    const pods = this.#pods.byNamespace(service.metadata?.namespace ?? '').filter((pod) => isSelected(service, pod));
    const plan = planEndpoints(service, pods);
    const results = await Promise.allSettled([
      this.#writeEndpoints(this.#endpoints.get(key), plan.endpoints),
      this.#writeSlices(key, this.#slices.byIndex('controller', service.metadata!.uid!), plan.slices),
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
      canonicalJson({ subsets: subsets ?? [], labels: metadata?.labels ?? {} });
    if (content(present) === content(wanted)) return;
    const { subsets: _, ...rest } = present;
    const metadata = { ...present.metadata, labels: wanted.metadata?.labels };
    await client.update(endpointsResource, { ...rest, metadata, ...(wanted.subsets && { subsets: wanted.subsets }) });
  }

  async #writeSlices(key: string, present: readonly EndpointSlice[], wanted: readonly EndpointSlice[]): Promise<void> {
    const { client } = this.#context;
    const changes = matchSlices(present, wanted);
    await Promise.all([
      ...changes.create.map(async (slice) => this.#pending.created(key, await client.create(slicesResource, slice))),
      ...changes.update.map(async (slice) => this.#pending.created(key, await client.update(slicesResource, slice))),
      ...changes.delete.map(async (slice) => {
        const { namespace, name, uid } = slice.metadata!;
        await client.delete(slicesResource, { namespace, name: name! }, { preconditions: { uid } });
        this.#pending.deleted(key, keyOf(slice), uid!);
      }),
    ]);
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
