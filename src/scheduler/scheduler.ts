/**
 * The leader's scheduler: informers feed the cache and the queue, each round takes what is active, decides pod after pod on the cache (each
 * decision sees the ones before it as assumed), and binds the whole round at once, which costs one round of consensus.
 */
import type { Node, Pod } from '../api/generated/types/core-v1.ts';
import { ApiError, isReason } from '../api/status.ts';
import { resources } from '../api/types.ts';
import { EventRecorder } from '../client/events.ts';
import type { InformerSet } from '../client/informer-set.ts';
import type { LeaderContext } from '../client/types.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { Cache } from './cache.ts';
import { place } from './plan.ts';
import { isFinished, podKey, toNodeFacts, toPodInfo } from './pod-info.ts';
import { SchedulingQueue } from './queue.ts';
import type { PodInfo } from './types.ts';

export const schedulerName = 'default-scheduler';
/** Pods decided and bound together in one round. */
const podsPerRound = 200;

export interface SchedulerOptions {
  readonly informers: InformerSet;
  readonly clock?: Clock;
}

/** Runs until the context's signal aborts. */
export async function startScheduler(context: LeaderContext, options: SchedulerOptions, logger: Logger): Promise<void> {
  const scheduler = new Scheduler(context, options, logger);
  await scheduler.run();
}

class Scheduler {
  readonly #context: LeaderContext;
  readonly #informers: InformerSet;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #cache = new Cache();
  readonly #queue: SchedulingQueue;
  readonly #events: EventRecorder;
  #pods = new Map<string, Pod>();
  #wake: (() => void) | undefined;
  #decisions = 0;

  constructor(context: LeaderContext, options: SchedulerOptions, logger: Logger) {
    this.#context = context;
    this.#informers = options.informers;
    this.#logger = logger;
    this.#clock = options.clock ?? systemClock;
    this.#queue = new SchedulingQueue(this.#clock, () => this.#wake?.());
    this.#events = new EventRecorder({ client: context.client, component: schedulerName, logger, clock: this.#clock });
  }

  async run(): Promise<void> {
    const { signal } = this.#context;
    const nodes = this.#informers.of<Node>(resources.nodes);
    const pods = this.#informers.of<Pod>(resources.pods);
    nodes.addHandler({
      add: (node) => this.#nodeChanged(node),
      update: (node) => this.#nodeChanged(node),
      delete: (node) => this.#cache.removeNode(node.metadata?.name ?? ''),
    });
    pods.addHandler({
      add: (pod) => this.#podChanged(pod),
      update: (pod) => this.#podChanged(pod),
      delete: (pod) => this.#podDeleted(pod),
    });
    if (!(await nodes.synced) || !(await pods.synced)) return;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (!signal.aborted) {
      const batch = this.#queue.pop(podsPerRound);
      if (batch.length > 0) await this.#round(batch);
      else await Promise.race([stopped, this.#nextWake()]);
    }
    this.#queue.close();
  }

  #nextWake(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #nodeChanged(node: Node): void {
    this.#cache.setNode(toNodeFacts(node));
    this.#queue.clusterChanged();
  }

  #podChanged(pod: Pod): void {
    const key = podKey(pod);
    if (pod.spec?.nodeName) {
      this.#queue.remove(key);
      this.#pods.delete(key);
      if (isFinished(pod)) this.#podGone(key);
      else this.#cache.setPod(toPodInfo(pod));
      return;
    }
    const isOurs = (pod.spec?.schedulerName || schedulerName) === schedulerName;
    if (!isOurs || isFinished(pod) || pod.metadata?.deletionTimestamp) {
      this.#queue.remove(key);
      this.#pods.delete(key);
      return;
    }
    const info = toPodInfo(pod);
    const known = this.#pods.get(key);
    this.#pods.set(key, pod);
    if (known && known.metadata?.uid === pod.metadata?.uid && sameWish(known, pod)) return;
    // A pod whose binding is on its way is not in the queue, and an update of its status must not put it there.
    if (!info.schedulingGated && !this.#cache.isPlaced(key)) this.#queue.add(info);
  }

  #podDeleted(pod: Pod): void {
    const key = podKey(pod);
    this.#queue.remove(key);
    this.#pods.delete(key);
    this.#podGone(key);
  }

  #podGone(key: string): void {
    const wasPlaced = this.#cache.isPlaced(key);
    this.#cache.removePod(key);
    if (wasPlaced) this.#queue.clusterChanged();
  }

  async #round(batch: readonly PodInfo[]): Promise<void> {
    const work: Promise<void>[] = [];
    for (const pod of batch) {
      if (this.#cache.isPlaced(pod.key) || !this.#pods.has(pod.key)) {
        this.#queue.done(pod.key);
        continue;
      }
      const placement = place(pod, this.#cache.nodes(), this.#decisions++);
      if (placement.nodeName !== undefined) {
        this.#cache.assume(pod, placement.nodeName);
        work.push(this.#bind(pod, placement.nodeName));
      } else {
        this.#queue.park(pod);
        work.push(this.#reportUnschedulable(pod, placement.message));
      }
    }
    await Promise.all(work);
  }

  async #bind(pod: PodInfo, nodeName: string): Promise<void> {
    const object = this.#pods.get(pod.key);
    try {
      await this.#context.client.bind({ namespace: pod.namespace, name: pod.name, uid: pod.uid }, nodeName);
      this.#queue.done(pod.key);
      if (object) {
        this.#events.record(object, 'Normal', 'Scheduled', `Successfully assigned ${pod.key} to ${nodeName}`);
      }
    } catch (error) {
      this.#cache.forget(pod.key);
      if (this.#context.signal.aborted) return;
      if (isReason(error, 'NotFound')) {
        this.#queue.done(pod.key);
        return;
      }
      this.#logger.warn({ pod: pod.key, node: nodeName, error: String(error) }, 'binding failed, will retry');
      if (this.#pods.has(pod.key)) this.#queue.retry(pod);
      else this.#queue.done(pod.key);
    }
  }

  /** Tells users why: the PodScheduled condition and an event. Written only when the words change. */
  async #reportUnschedulable(pod: PodInfo, message: string): Promise<void> {
    const object = this.#pods.get(pod.key);
    if (!object) return;
    const known = object.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    if (known?.status === 'False' && known.message === message) return;
    this.#events.record(object, 'Warning', 'FailedScheduling', message);
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime: new Date(this.#clock.nowMs()).toISOString().replace(/\.\d+Z$/, 'Z'),
    };
    try {
      await this.#context.client.patch(
        resources.pods,
        { namespace: pod.namespace, name: pod.name },
        'strategic',
        { status: { conditions: [condition] } },
        'status',
      );
    } catch (error) {
      if (!(error instanceof ApiError) || this.#context.signal.aborted) return;
      this.#logger.debug({ pod: pod.key, error: error.message }, 'could not tell why a pod is unschedulable');
    }
  }
}

/** Nothing that the decision rests on has changed: an update of the status alone must not bring a parked pod back. */
function sameWish(before: Pod, after: Pod): boolean {
  return (
    JSON.stringify(before.spec) === JSON.stringify(after.spec) &&
    JSON.stringify(before.metadata?.labels) === JSON.stringify(after.metadata?.labels)
  );
}
