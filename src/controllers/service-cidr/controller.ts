/** Says which ServiceCIDRs are ready, and lets go of one that is being deleted once no address depends on it. */
import type { IPAddress, ServiceCIDR } from '../../api/generated/types/networking-v1.ts';
import { isReason } from '../../api/status.ts';
import type { Informer } from '../../client/informer.ts';
import { type ReconcileResult, runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { planServiceCidr } from './plan.ts';

const serviceCidrs = { group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs' } as const;
const ipAddresses = { group: 'networking.k8s.io', version: 'v1', resource: 'ipaddresses' } as const;
const workers = 2;

export class ServiceCidrController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #ranges: Informer<ServiceCIDR>;
  readonly #addresses: Informer<IPAddress>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#ranges = context.informers.of<ServiceCIDR>(serviceCidrs);
    this.#addresses = context.informers.of<IPAddress>(ipAddresses);
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    // Ranges are few, and each may cover what another one gives up.
    const all = () => {
      for (const range of this.#ranges.list()) this.#queue.add(range.metadata!.name!);
    };
    this.#ranges.addHandler({ add: all, update: all, delete: all });
    this.#addresses.addHandler({
      delete: () => {
        for (const { metadata } of this.#ranges.list())
          if (metadata?.deletionTimestamp) this.#queue.add(metadata.name!);
      },
    });
    await Promise.all([this.#ranges.synced, this.#addresses.synced]);
    all();
    await runWorkers(this.#queue, workers, (name) => this.reconcile(name), signal, logger);
  }

  async reconcile(name: string): Promise<ReconcileResult | undefined> {
    const { client, clock } = this.#context;
    const range = this.#ranges.get(name);
    if (!range) return undefined;
    const step = planServiceCidr(range, [...this.#ranges.list()], this.#addresses.list(), clock.nowMs());
    try {
      if (step.type === 'write') await client.update(serviceCidrs, step.range, step.subresource);
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    return step.type === 'wait' ? { requeueAfterMs: step.ms } : undefined;
  }
}
