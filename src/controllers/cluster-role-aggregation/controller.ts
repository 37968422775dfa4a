/** Keeps the rules of aggregated ClusterRoles (`admin`, `edit`, `view` and those of users) equal to those of the roles that they gather. */
import type { ClusterRole } from '../../api/generated/types/rbac-v1.ts';
import { isReason } from '../../api/status.ts';
import type { Informer } from '../../client/informer.ts';
import { runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { planAggregation } from './plan.ts';

const clusterRoles = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' } as const;
const workers = 2;

export class ClusterRoleAggregationController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #roles: Informer<ClusterRole>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#roles = context.informers.of<ClusterRole>(clusterRoles);
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    // Any role may be gathered by any aggregated one; those are few.
    const changed = () => this.#enqueueAggregated();
    this.#roles.addHandler({ add: changed, update: changed, delete: changed });
    await this.#roles.synced;
    this.#enqueueAggregated();
    await runWorkers(this.#queue, workers, (name) => this.reconcile(name).then(() => undefined), signal, logger);
  }

  async reconcile(name: string): Promise<void> {
    const role = this.#roles.get(name);
    const rules = role && planAggregation(role, [...this.#roles.list()]);
    if (!rules) return;
    try {
      await this.#context.client.update(clusterRoles, { ...role, rules });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  #enqueueAggregated(): void {
    for (const role of this.#roles.list()) if (role.aggregationRule) this.#queue.add(role.metadata!.name!);
  }
}
