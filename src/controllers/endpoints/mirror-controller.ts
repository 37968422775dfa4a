/** Keeps the slices that mirror Endpoints of Services without a selector. */
import type { Endpoints, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { resources } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { isNamespaceTerminating } from '../shared/errors.ts';
import { controllerOf, isDeleting, ownerIndexers } from '../shared/owners.ts';
import { isMirrored, mirrorGroups, mirrorManager, mirrorOwner } from './mirror.ts';
import { SliceWriter, slicesResource } from './slice-writer.ts';
import { managedByLabel, planSlices } from './slices.ts';

const endpointsResource = { group: '', version: 'v1', resource: 'endpoints' };
const workers = 4;
/** Safety only: what makes our own writes visible wakes the Endpoints, too. */
const invisibleRetryMs = 30_000;

export class EndpointSliceMirroringController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #services: Informer<Service>;
  readonly #endpoints: Informer<Endpoints>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #writer: SliceWriter;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#services = context.informers.of<Service>(resources.services);
    this.#endpoints = context.informers.of<Endpoints>(endpointsResource);
    this.#slices = context.informers.of<EndpointSlice>(slicesResource, ownerIndexers);
    this.#writer = new SliceWriter(context.client, this.#slices);
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    const changed = (object: Service | Endpoints) => this.#queue.add(keyOf(object));
    this.#services.addHandler({ add: changed, update: changed, delete: changed });
    this.#endpoints.addHandler({ add: changed, update: changed, delete: changed });
    const sliceChanged = (slice: EndpointSlice) => {
      const owner = controllerOf(slice);
      if (owner?.kind === 'Endpoints') this.#queue.add(`${slice.metadata?.namespace}/${owner.name}`);
    };
    this.#slices.addHandler({ add: sliceChanged, update: sliceChanged, delete: sliceChanged });
    await Promise.all([this.#services.synced, this.#endpoints.synced, this.#slices.synced]);
    await runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const endpoints = this.#endpoints.get(key);
    if (!endpoints || isDeleting(endpoints)) {
      // Their slices go with them: they are owned.
      this.#writer.forget(key);
      return undefined;
    }
    if (!this.#writer.isVisible(key)) return { requeueAfterMs: invisibleRetryMs };
    const present = this.#slices
      .byIndex('controller', endpoints.metadata!.uid!)
      .filter(({ metadata }) => metadata?.labels?.[managedByLabel] === mirrorManager);
    const groups = isMirrored(endpoints, this.#services.get(key)) ? mirrorGroups(endpoints) : [];
    try {
      await this.#writer.write(key, planSlices(present, groups, mirrorOwner(endpoints)));
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
    return undefined;
  }
}
