/**
 * Judges which nodes are alive and moves pods away from those that are not.
 *
 * A node of which no master has heard for the grace period: conditions Unknown, taints, its pods not ready at once, and deleted when
 * they tolerate it no longer. They stay Terminating until the node is back to stop them; their replacements do not wait.
 */
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import { delay } from '../../client/backoff.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { Liveness } from './liveness.ts';
import { type NodePlan, planNode, planPods } from './plan.ts';

export interface NodeLifecycleOptions {
  /** Milliseconds since any master last heard of each node, in the order of the question; -1 for never. */
  readonly lastSeen: (nodes: string[]) => Promise<number[]>;
  /** Default 10,000. */
  readonly graceMs?: number | undefined;
  /** Pods leave after this time at the latest, whatever they tolerate for a while. Absent: as they tolerate (300 s by default). */
  readonly evictionMs?: number | undefined;
}

const defaultGraceMs = 10_000;
/** Rounds per grace period: a death is noticed at most this share of it late. */
const roundsPerGrace = 10;
const minRoundMs = 100;
const maxRoundMs = 1_000;
/** An answer that is older than this when a node is to be declared lost is asked for again. */
const maxAnswerAgeMs = 250;
const workers = 16;
/** After a node's return, until what it has to report is in. */
const catchUpMs = 2_000;

export const podsByNode = { node: (pod: Pod): string[] => (pod.spec?.nodeName ? [pod.spec.nodeName] : []) };

function isReadyNode(node: Node): boolean {
  return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
}

export class NodeLifecycleController {
  readonly #context: ControllerContext;
  readonly #options: NodeLifecycleOptions;
  readonly #graceMs: number;
  readonly #liveness: Liveness;
  readonly #queue: WorkQueue;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #recorder: EventRecorder;
  /** Nodes that came back just now, with what cancels their timer. */
  readonly #catchingUp = new Map<string, () => void>();
  #roundsBegun = 0;
  #round: Promise<void> | undefined;
  /** The last one that was answered. */
  #lastRound = { number: 0, begunMs: Number.NEGATIVE_INFINITY };
  /** How many rounds had begun when a node last changed. */
  readonly #changedInRound = new Map<string, number>();

  constructor(context: ControllerContext, options: NodeLifecycleOptions) {
    this.#context = context;
    this.#options = options;
    this.#graceMs = options.graceMs ?? defaultGraceMs;
    this.#liveness = new Liveness(this.#graceMs);
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#nodes = context.informers.of<Node>(resources.nodes);
    this.#pods = context.informers.of<Pod>(resources.pods, podsByNode);
    this.#recorder = context.recorderFor('node-controller');
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    this.#nodes.addHandler({
      add: (node) => this.#nodeChanged(keyOf(node)),
      update: (node, old) => {
        this.#nodeChanged(keyOf(node));
        if (isReadyNode(node) && !isReadyNode(old)) this.#letCatchUp(keyOf(node));
      },
      delete: (node) => void this.#changedInRound.delete(keyOf(node)),
    });
    const podChanged = (pod: Pod) => {
      const node = pod.spec?.nodeName;
      if (node && this.#nodes.get(node)?.spec?.taints?.some(({ effect }) => effect === 'NoExecute'))
        this.#queue.add(node);
    };
    this.#pods.addHandler({ add: podChanged, update: podChanged });
    signal.addEventListener('abort', () => {
      for (const cancel of this.#catchingUp.values()) cancel();
    });
    await Promise.all([this.#nodes.synced, this.#pods.synced]);
    await Promise.all([
      this.#watchLiveness(),
      runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger),
    ]);
  }

  #nodeChanged(name: string): void {
    this.#changedInRound.set(name, this.#roundsBegun);
    this.#queue.add(name);
  }

  /** Its reports of what happened while it was away come first; only then its pods are looked at. */
  #letCatchUp(name: string): void {
    this.#catchingUp.get(name)?.();
    const cancel = this.#context.clock.setTimer(catchUpMs, () => {
      this.#catchingUp.delete(name);
      this.#queue.add(name);
    });
    this.#catchingUp.set(name, cancel);
  }

  async #watchLiveness(): Promise<void> {
    const { clock, logger, signal } = this.#context;
    const roundMs = Math.min(maxRoundMs, Math.max(minRoundMs, this.#graceMs / roundsPerGrace));
    while (!signal.aborted) {
      try {
        await this.#observeTogether();
      } catch (error) {
        logger.warn({ error: String(error) }, 'nobody can say which nodes are alive: none is judged');
      }
      await delay(clock, roundMs, signal);
    }
  }

  /** One round of liveness; nodes whose state must change are queued. */
  async observe(): Promise<void> {
    const round = { number: ++this.#roundsBegun, begunMs: this.#context.clock.monotonicMs() };
    const names = this.#nodes.list().map(keyOf);
    const agesMs = await this.#options.lastSeen(names);
    this.#liveness.observe(names, agesMs, this.#context.clock.monotonicMs());
    this.#lastRound = round;
    const nowMs = this.#context.clock.nowMs();
    for (const name of names) {
      const node = this.#nodes.get(name);
      const plan = node && this.#planNode(node, nowMs);
      if (plan?.conditions || plan?.taints) this.#queue.add(name);
    }
  }

  /**
   * Rounds are a second apart, and what wakes us is often the node's return: nobody is declared lost by an answer that is older than the
   * node's last change. Whoever waits here together shares one round.
   */
  async #observeAfresh(name: string): Promise<void> {
    const { clock } = this.#context;
    const sinceMs = clock.monotonicMs() - maxAnswerAgeMs;
    while (this.#lastRound.number <= (this.#changedInRound.get(name) ?? 0) || this.#lastRound.begunMs < sinceMs)
      await this.#observeTogether();
  }

  #observeTogether(): Promise<void> {
    this.#round ??= this.observe().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  #planNode(node: Node, nowMs: number): NodePlan {
    return planNode({ node, silentMs: this.#liveness.silentMs(keyOf(node)), graceMs: this.#graceMs, nowMs });
  }

  async reconcile(name: string): Promise<ReconcileResult | undefined> {
    const node = this.#nodes.get(name);
    if (!node) return undefined;
    const nowMs = this.#context.clock.nowMs();
    let plan = this.#planNode(node, nowMs);
    if (plan.conditions) {
      await this.#observeAfresh(name);
      plan = this.#planNode(node, nowMs);
    }
    if (plan.conditions || plan.taints) {
      await this.#writeNode(node, plan);
      // The informer shows the node as it is now and wakes us for its pods.
      return undefined;
    }
    return await this.#reconcilePods(node, nowMs);
  }

  async #writeNode(node: Node, { conditions, taints, isLost }: NodePlan): Promise<void> {
    const { client } = this.#context;
    const name = node.metadata!.name!;
    let resourceVersion = node.metadata?.resourceVersion;
    if (conditions) {
      const patch = { metadata: { resourceVersion }, status: { conditions } };
      const patched = await client.patch<Node>(resources.nodes, { name }, 'merge', patch, 'status');
      resourceVersion = patched.metadata?.resourceVersion;
    }
    if (taints) {
      const patch = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
      await client.patch<Node>(resources.nodes, { name }, 'merge', patch);
    }
    if (isLost) this.#recorder.record(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
  }

  async #reconcilePods(node: Node, nowMs: number): Promise<ReconcileResult> {
    const plan = planPods({
      node,
      pods: this.#pods.byIndex('node', node.metadata!.name!),
      isEveryNodeLost: this.#liveness.isEveryNodeLost(),
      evictionMs: this.#options.evictionMs,
      hasCaughtUp: !this.#catchingUp.has(node.metadata!.name!),
      nowMs,
    });
    const { client } = this.#context;
    const writes = [
      ...plan.rewrite.map(({ pod: { metadata }, conditions }) => {
        const { namespace, name, uid, resourceVersion } = metadata!;
        const patch = { metadata: { uid, resourceVersion }, status: { conditions } };
        return client.patch(resources.pods, { namespace, name: name! }, 'merge', patch, 'status');
      }),
      ...plan.evict.map(async (pod) => {
        const { namespace, name, uid } = pod.metadata!;
        this.#recorder.record(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`);
        await client.delete(resources.pods, { namespace, name: name! }, { preconditions: { uid } });
      }),
    ];
    const failed = (await Promise.allSettled(writes)).find(
      (result) => result.status === 'rejected' && !isReason(result.reason, 'NotFound'),
    );
    if (failed?.status === 'rejected') throw failed.reason;
    // While every node is lost nobody is evicted: look again, since the first that returns changes that for all.
    const waitsForOthers = this.#liveness.isEveryNodeLost() ? this.#graceMs : undefined;
    return { requeueAfterMs: plan.requeueAfterMs ?? waitsForOthers };
  }
}
