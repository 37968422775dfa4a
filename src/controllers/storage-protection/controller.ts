/**
 * Lets claims, volumes and classes of volume attributes go once nothing uses them any more: admission has given each a finalizer (Kubernetes, "Storage
 * Object in Use Protection").
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { type GroupVersionResource, resources, type TypedObject } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { attributesClassesOf, claimsOf, isClaimUsed, isVolumeUsed } from './plan.ts';

const workers = 4;
const claimResource = { group: '', version: 'v1', resource: 'persistentvolumeclaims' } as const;
const volumeResource = { group: '', version: 'v1', resource: 'persistentvolumes' } as const;
const classResource = { group: 'storage.k8s.io', version: 'v1', resource: 'volumeattributesclasses' } as const;

const finalizers = {
  claim: 'kubernetes.io/pvc-protection',
  volume: 'kubernetes.io/pv-protection',
  class: 'kubernetes.io/vac-protection',
} as const;

type Kind = keyof typeof finalizers;

export class StorageProtectionController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #pods: Informer<Pod>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<TypedObject>;

  constructor(context: ControllerContext) {
    const { informers, clock } = context;
    this.#context = context;
    this.#queue = new WorkQueue({ clock });
    this.#pods = informers.of<Pod>(resources.pods, { claim: claimsOf });
    this.#claims = informers.of<PersistentVolumeClaim>(claimResource, { attributesClass: attributesClassesOf });
    this.#volumes = informers.of<PersistentVolume>(volumeResource, { attributesClass: attributesClassesOf });
    this.#classes = informers.of(classResource);
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    const follow = (informer: Informer<TypedObject>, kind: Kind) => {
      const changed = (object: TypedObject) => {
        if (isProtected(object, finalizers[kind])) this.#queue.add(`${kind} ${keyOf(object)}`);
      };
      informer.addHandler({ add: changed, update: changed });
    };
    follow(this.#claims as Informer<TypedObject>, 'claim');
    follow(this.#volumes as Informer<TypedObject>, 'volume');
    follow(this.#classes, 'class');
    const podGone = (pod: Pod) => {
      for (const claim of claimsOf(pod)) if (this.#claims.get(claim)) this.#queue.add(`claim ${claim}`);
    };
    this.#pods.addHandler({
      delete: podGone,
      update: (pod) => {
        if (pod.metadata?.deletionTimestamp) podGone(pod);
      },
    });
    const classFreed = (object: PersistentVolumeClaim & PersistentVolume) => {
      for (const name of attributesClassesOf(object)) this.#queue.add(`class ${name}`);
    };
    this.#claims.addHandler({ update: (_, old) => classFreed(old as never), delete: classFreed as never });
    this.#volumes.addHandler({ update: (_, old) => classFreed(old as never), delete: classFreed as never });
    await Promise.all([this.#pods.synced, this.#claims.synced, this.#volumes.synced, this.#classes.synced]);
    await runWorkers(this.#queue, workers, (item) => this.reconcile(item), signal, logger);
  }

  async reconcile(item: string): Promise<ReconcileResult | undefined> {
    const [kind, key] = item.split(' ') as [Kind, string];
    const finalizer = finalizers[kind];
    switch (kind) {
      case 'claim': {
        const claim = this.#claims.get(key);
        if (!claim || !isProtected(claim, finalizer) || isClaimUsed(claim, this.#pods.byIndex('claim', key))) return;
        // The cache of pods may be behind: the API decides.
        const { items } = await this.#context.client.list<Pod>(resources.pods, {
          namespace: claim.metadata?.namespace,
        });
        const using = items.filter((pod) => claimsOf(pod).includes(key));
        if (!isClaimUsed(claim, using)) await this.#release(claimResource, claim, finalizer);
        return;
      }
      case 'volume': {
        const volume = this.#volumes.get(key);
        if (!volume || !isProtected(volume, finalizer) || isVolumeUsed(volume)) return;
        return this.#release(volumeResource, volume, finalizer);
      }
      case 'class': {
        const found = this.#classes.get(key);
        if (!found || !isProtected(found, finalizer)) return;
        const users = [this.#claims.byIndex('attributesClass', key), this.#volumes.byIndex('attributesClass', key)];
        if (users.every((list) => [...list].length === 0)) await this.#release(classResource, found, finalizer);
      }
    }
  }

  async #release(resource: GroupVersionResource, object: TypedObject, finalizer: string): Promise<undefined> {
    const remaining = object.metadata?.finalizers?.filter((one) => one !== finalizer);
    try {
      await this.#context.client.update(resource, {
        ...object,
        metadata: { ...object.metadata, finalizers: remaining },
      });
    } catch (error) {
      // Gone, or changed: then the change comes by itself.
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
    }
  }
}

function isProtected({ metadata }: TypedObject, finalizer: string): boolean {
  return metadata?.deletionTimestamp !== undefined && (metadata.finalizers?.includes(finalizer) ?? false);
}
