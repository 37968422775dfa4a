/**
 * Gives each node its own range of pod addresses, once. No two nodes ever share one: a single worker allocates, it remembers what it
 * gave out until the cache shows it, and its writes are fenced by the leader's term.
 */
import type { Node } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { isIPv6Range, nextRange, podRangesOf } from './plan.ts';

export interface NodeIpamOptions {
  /** One range, or one of each family with a comma between them; the first is that of `podCIDR`. */
  readonly podCidr: string;
  /** Prefix length of a node's IPv4 range. */
  readonly nodeCidrMaskSize: number;
  /** Prefix length of a node's IPv6 range; default 64. */
  readonly nodeCidrMaskSizeIPv6?: number | undefined;
}

const defaultMaskSizeIPv6 = 64;
/** Ranges come back only when nodes go, which wakes those that wait; this is the safety behind it. */
const exhaustedRetryMs = 60_000;

export class NodeIpamController {
  readonly #context: ControllerContext;
  readonly #options: NodeIpamOptions;
  readonly #queue: WorkQueue;
  readonly #nodes: Informer<Node>;
  readonly #recorder: EventRecorder;
  /** By node uid: given out, perhaps not in the cache yet. */
  readonly #given = new Map<string, readonly string[]>();

  constructor(context: ControllerContext, options: NodeIpamOptions) {
    this.#context = context;
    this.#options = options;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#nodes = context.informers.of<Node>(resources.nodes);
    this.#recorder = context.recorderFor('node-ipam-controller');
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    const enqueue = (node: Node) => {
      if (!node.spec?.podCIDR) this.#queue.add(keyOf(node));
    };
    this.#nodes.addHandler({
      add: enqueue,
      update: enqueue,
      delete: (gone) => {
        this.#given.delete(gone.metadata!.uid!);
        for (const node of this.#nodes.list()) enqueue(node);
      },
    });
    await this.#nodes.synced;
    await runWorkers(this.#queue, 1, (key) => this.reconcile(key), signal, logger);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const node = this.#nodes.get(key);
    const uid = node?.metadata?.uid;
    if (!node || !uid || node.spec?.podCIDR) return undefined;
    const { podCidr } = this.#options;
    const ranges = this.#given.get(uid) ?? this.#next();
    if (!ranges) {
      const message = `Node ${key} status is now: CIDRNotAvailable: no free range in ${podCidr}`;
      this.#recorder.record(node, 'Warning', 'CIDRNotAvailable', message);
      return { requeueAfterMs: exhaustedRetryMs };
    }
    this.#given.set(uid, ranges);
    const patch = { metadata: { uid }, spec: { podCIDR: ranges[0], podCIDRs: ranges } };
    await this.#context.client.patch(resources.nodes, { name: key }, 'merge', patch);
    return undefined;
  }

  /** One of each family, or none at all. */
  #next(): string[] | undefined {
    const { podCidr, nodeCidrMaskSize, nodeCidrMaskSizeIPv6 = defaultMaskSizeIPv6 } = this.#options;
    const taken = this.#taken();
    const ranges = podRangesOf(podCidr).map((cidr) =>
      nextRange(cidr, isIPv6Range(cidr) ? nodeCidrMaskSizeIPv6 : nodeCidrMaskSize, taken),
    );
    return ranges.every((range) => range !== undefined) ? ranges : undefined;
  }

  #taken(): string[] {
    const shown = this.#nodes
      .list()
      .flatMap((node) => node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : []));
    return [...shown, ...[...this.#given.values()].flat()];
  }
}
