/**
 * All pods of a node: a worker for each wanted pod, woken when the runtime reports something of it, and a periodic look at everything as the
 * safety net. Pods that run here and are not wanted are stopped, but only once a master has confirmed the whole set.
 */

import { NO_PRESSURE, type Pressure } from '../eviction/thresholds.ts';
import { type RuntimeEvent, runtimeLabels } from '../runtime/runtime.ts';
import type { WantedChange } from '../session/wanted-set.ts';
import { admit } from './admission.ts';
import { judgeResize } from './allocation.ts';
import type { WorkerContext } from './context.ts';
import type { WantedPod } from './types.ts';
import { PodWorker } from './worker.ts';

const RELIST_MS = 10_000;
/** An event of something unknown is usually of a container that a worker is just making. */
const RELIST_SOON_MS = 100;
const EXIT_CHECKS_MS = [50, 150, 400, 1_000];
/** Without its spec nothing is known of an orphan's grace period: Kubernetes' default. */
const ORPHAN_GRACE_S = 30;

/** What the manager itself tells a worker: it knows the other pods. */
export type ManagerContext = Omit<WorkerContext, 'admit' | 'judgeResize'>;

export class PodManager {
  readonly workers = new Map<string, PodWorker>();
  readonly #context: WorkerContext;
  /** Pods that wait for others to give something back. */
  readonly #deferred = new Set<string>();
  #pressure: Pressure = NO_PRESSURE;
  readonly #abort = new AbortController();
  readonly #listeners = new Map<string, Set<() => void>>();
  #cancelRelist: (() => void) | undefined;
  #relistAtMs = Number.POSITIVE_INFINITY;
  #isConfirmed = false;
  #cleansOrphans = false;

  constructor(context: ManagerContext) {
    const { capacity } = context.node;
    this.#context = {
      ...context,
      admit: (pod) => admit(pod, this.#others(pod), { ...capacity, pressure: this.#pressure }),
      judgeResize: (pod) => {
        const verdict = judgeResize(pod, this.#others(pod), capacity);
        if (verdict.verdict === 'Deferred') this.#deferred.add(pod.metadata.uid);
        else this.#deferred.delete(pod.metadata.uid);
        return verdict;
      },
    };
  }

  /** What the node is short of: it takes no pods that would make that worse. */
  setPressure(pressure: Pressure): void {
    this.#pressure = pressure;
  }

  /** All admitted pods but this one. */
  #others({ metadata: { uid } }: WantedPod): WantedPod[] {
    return [...this.workers.values()].flatMap(({ pod, admitted }) =>
      admitted && pod.metadata.uid !== uid ? admitted : [],
    );
  }

  start(): void {
    this.#context.runtime.watch((event) => this.#onEvent(event), this.#abort.signal);
    if (this.#context.runtime.kind !== 'hollow') this.#relistIn(RELIST_MS);
  }

  /** Leaves every pod as it is. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#cancelRelist?.();
    const workers = [...this.workers.values()];
    for (const worker of workers) worker.abandon();
    await Promise.all(workers.map(({ done }) => done));
  }

  /** `confirmed`: a master has said that the wanted set is whole, so what is not in it may go. */
  apply(changes: readonly WantedChange[], confirmed: boolean): void {
    const namespaces = new Set<string>();
    for (const change of changes) {
      if (change.resource === 'pods') this.#applyPod(change);
      else if (change.resource !== 'nodes') namespaces.add(change.namespace);
    }
    for (const worker of this.workers.values()) {
      if (namespaces.has(worker.pod.metadata.namespace)) worker.objectsChanged();
    }
    if (confirmed && !this.#isConfirmed) {
      this.#isConfirmed = true;
      void this.#removeOrphans();
    }
  }

  wake(podUid: string): void {
    this.workers.get(podUid)?.wake();
  }

  /** Tells those who follow a pod (`logs -f`) that it may have changed. */
  changed(podUid: string): void {
    for (const listener of this.#listeners.get(podUid) ?? []) listener();
    // It may have given something back.
    for (const uid of this.#deferred) if (uid !== podUid) this.wake(uid);
  }

  subscribe(podUid: string, onChange: () => void): () => void {
    const listeners = this.#listeners.get(podUid) ?? new Set();
    this.#listeners.set(podUid, listeners.add(onChange));
    return () => {
      listeners.delete(onChange);
      if (listeners.size === 0) this.#listeners.delete(podUid);
    };
  }

  #applyPod({ namespace, name, object }: WantedChange): void {
    const pod = object as WantedPod | undefined;
    const uid = pod?.metadata.uid;
    for (const worker of this.workers.values()) {
      const { metadata } = worker.pod;
      if (metadata.namespace === namespace && metadata.name === name && metadata.uid !== uid) worker.remove();
    }
    if (!pod || uid === undefined) return;
    const worker = this.workers.get(uid);
    if (worker) worker.update(pod);
    else this.#add(pod);
  }

  #add(pod: WantedPod): PodWorker {
    const { uid } = pod.metadata;
    const worker = new PodWorker(pod, this.#context);
    this.workers.set(uid, worker);
    void worker.done.then(() => {
      if (this.workers.get(uid) === worker) this.workers.delete(uid);
      this.#deferred.delete(uid);
      this.changed(uid);
    });
    return worker;
  }

  #onEvent(event: RuntimeEvent): void {
    if (event.kind === 'resync') {
      this.#relistIn(RELIST_SOON_MS);
      return;
    }
    const worker = this.#workerOf(event.id);
    if (!worker) {
      this.#relistIn(RELIST_SOON_MS);
      return;
    }
    worker.wake();
    if (event.kind === 'exited') this.#checkExit(worker, event.id, EXIT_CHECKS_MS);
  }

  #workerOf(id: string): PodWorker | undefined {
    for (const worker of this.workers.values()) {
      const { sandboxes, containers } = worker.seen;
      if (sandboxes.some((sandbox) => sandbox.id === id) || containers.some((container) => container.id === id))
        return worker;
    }
    return undefined;
  }

  /** containerd's CRI service learns of an exit by the same event as we do, and under load it is later: looks again until it shows. */
  #checkExit(worker: PodWorker, id: string, [delayMs, ...later]: readonly number[]): void {
    if (delayMs === undefined) return;
    this.#context.clock.setTimer(delayMs, () => {
      const { sandboxes, containers } = worker.seen;
      const isShown =
        !sandboxes.some((sandbox) => sandbox.id === id && sandbox.ready) &&
        !containers.some((container) => container.id === id && container.state === 'running');
      if (isShown || this.#abort.signal.aborted) return;
      worker.wake();
      this.#checkExit(worker, id, later);
    });
  }

  #relistIn(delayMs: number): void {
    const { clock } = this.#context;
    const atMs = clock.monotonicMs() + delayMs;
    if (this.#abort.signal.aborted || atMs >= this.#relistAtMs) return;
    this.#cancelRelist?.();
    this.#relistAtMs = atMs;
    this.#cancelRelist = clock.setTimer(delayMs, () => void this.#relist());
  }

  /** Wakes the workers whose last look differs from what there is now. */
  async #relist(): Promise<void> {
    this.#relistAtMs = Number.POSITIVE_INFINITY;
    try {
      const listing = await this.#context.runtime.list();
      const now = new Map<string, string[]>();
      const note = (uid: string, text: string) => now.set(uid, [...(now.get(uid) ?? []), text]);
      for (const { pod, id, ready } of listing.sandboxes) note(pod.uid, `${id} ${ready}`);
      for (const { podUid, id, state } of listing.containers) note(podUid, `${id} ${state}`);
      if (this.#isConfirmed && [...now.keys()].some((uid) => !this.workers.has(uid))) void this.#removeOrphans();
      for (const [uid, worker] of this.workers) {
        const { sandboxes, containers } = worker.seen;
        const seen = [...sandboxes.map((s) => `${s.id} ${s.ready}`), ...containers.map((c) => `${c.id} ${c.state}`)];
        if (seen.sort().join() !== (now.get(uid) ?? []).sort().join()) worker.wake();
      }
    } catch (error) {
      this.#context.logger.warn({ err: error }, 'runtime not listed');
    }
    this.#relistIn(RELIST_MS);
  }

  /** Pods of which the runtime or the disk still has something, though no master wants them here. */
  async #removeOrphans(): Promise<void> {
    if (this.#cleansOrphans) return;
    this.#cleansOrphans = true;
    const { runtime, storage, cgroups, logger, clock } = this.#context;
    try {
      const listing = await runtime.list();
      const orphans = new Map(listing.sandboxes.map(({ pod }) => [pod.uid, pod]));
      for (const pod of await storage.list())
        if (!orphans.has(pod.uid) || pod.name === '') orphans.set(pod.uid, orphans.get(pod.uid) ?? pod);
      for (const uid of (await cgroups?.list()) ?? [])
        if (!orphans.has(uid)) orphans.set(uid, { uid, namespace: '', name: '' });
      for (const { uid, namespace, name } of orphans.values()) {
        if (this.workers.has(uid)) continue;
        logger.info({ pod: `${namespace}/${name}`, uid }, 'pod is not wanted here: removing what is left of it');
        const labels = { [runtimeLabels.podUid]: uid };
        const spec = { containers: [], terminationGracePeriodSeconds: ORPHAN_GRACE_S };
        this.#add({ metadata: { uid, namespace, name, labels }, spec }).remove();
      }
    } catch (error) {
      logger.warn({ err: error }, 'leftovers not removed, will be tried again');
      clock.setTimer(RELIST_MS, () => void this.#removeOrphans());
    }
    this.#cleansOrphans = false;
  }
}
