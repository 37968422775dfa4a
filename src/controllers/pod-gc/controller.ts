/** Removes pods whose node object is gone, deleted pods that never had a node, and terminated pods over a limit. */
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { isFinished } from '../shared/pods.ts';
import { isUnassignedAndDeleted, surplusTerminated } from './plan.ts';

const workers = 8;
/** As upstream's --terminated-pod-gc-threshold. */
export const defaultTerminatedLimit = 12_500;
/** The limit on terminated pods is checked again at most this often. */
const terminatedCheckMs = 30_000;
/** Queue key; no pod has such a name. */
const terminatedKey = '*terminated*';

export class PodGcController {
  readonly #context: ControllerContext;
  readonly #terminatedLimit: number;
  readonly #queue: WorkQueue;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;

  constructor(context: ControllerContext, options: { readonly terminatedLimit?: number | undefined } = {}) {
    this.#context = context;
    this.#terminatedLimit = options.terminatedLimit ?? defaultTerminatedLimit;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#nodes = context.informers.of<Node>(resources.nodes);
    this.#pods = context.informers.of<Pod>(resources.pods, {
      node: (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []),
    });
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    await Promise.all([this.#nodes.synced, this.#pods.synced]);
    const changed = (pod: Pod) => {
      const node = pod.spec?.nodeName;
      if ((node && !this.#nodes.get(node)) || isUnassignedAndDeleted(pod)) this.#queue.add(keyOf(pod));
      if (isFinished(pod)) this.#queue.addAfter(terminatedKey, terminatedCheckMs);
    };
    this.#pods.addHandler({ add: changed, update: changed });
    this.#nodes.addHandler({
      delete: (node) => {
        for (const pod of this.#pods.byIndex('node', keyOf(node))) this.#queue.add(keyOf(pod));
      },
    });
    await runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    if (key === terminatedKey) {
      await Promise.all(surplusTerminated(this.#pods.list(), this.#terminatedLimit).map((pod) => this.#remove(pod)));
      return undefined;
    }
    const pod = this.#pods.get(key);
    if (!pod) return undefined;
    if (isUnassignedAndDeleted(pod) || (await this.#hasLostNode(pod))) await this.#remove(pod);
    return undefined;
  }

  /** The cache of nodes may be behind the cache of pods: the API decides. */
  async #hasLostNode(pod: Pod): Promise<boolean> {
    const name = pod.spec?.nodeName;
    if (!name || this.#nodes.get(name)) return false;
    try {
      await this.#context.client.get(resources.nodes, { name });
      return false;
    } catch (error) {
      if (isReason(error, 'NotFound')) return true;
      throw error;
    }
  }

  async #remove(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata!;
    this.#context.logger.info({ pod: keyOf(pod) }, 'removing a pod that no node will remove');
    try {
      const options = { gracePeriodSeconds: 0, preconditions: { uid } };
      await this.#context.client.delete(resources.pods, { namespace, name: name! }, options);
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }
}
