/** Writes changes of slices, and knows when the cache shows them. */
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { isReason } from '../../api/status.ts';
import type { GroupVersionResource } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import type { ApiClient } from '../../client/types.ts';
import { PendingWrites } from '../shared/pending-writes.ts';
import type { SliceChanges } from './slices.ts';

export const slicesResource: GroupVersionResource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  resource: 'endpointslices',
};

export class SliceWriter {
  readonly #client: ApiClient;
  readonly #pending: PendingWrites<EndpointSlice>;

  constructor(client: ApiClient, slices: Informer<EndpointSlice>) {
    this.#client = client;
    this.#pending = new PendingWrites(slices);
  }

  /** Before that, a plan would be made on old slices. */
  isVisible(key: string): boolean {
    return this.#pending.isVisible(key);
  }

  forget(key: string): void {
    this.#pending.forget(key);
  }

  /** All of them are tried. @throws ApiError the first failure */
  async write(key: string, changes: SliceChanges): Promise<void> {
    const results = await Promise.allSettled([
      ...changes.create.map(async (slice) =>
        this.#pending.created(key, await this.#client.create(slicesResource, slice)),
      ),
      ...changes.update.map(async (slice) =>
        this.#pending.created(key, await this.#client.update(slicesResource, slice)),
      ),
      ...changes.delete.map((slice) => this.#delete(key, slice)),
    ]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #delete(key: string, slice: EndpointSlice): Promise<void> {
    const { namespace, name, uid } = slice.metadata!;
    try {
      await this.#client.delete(slicesResource, { namespace, name: name! }, { preconditions: { uid } });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    this.#pending.deleted(key, keyOf(slice), uid!);
  }
}
