/** Tells in the status of ValidatingAdmissionPolicies what looks wrong in their expressions. */
import { checkPolicy } from '../../api/cel/check-policy.ts';
import type { ValidatingAdmissionPolicy } from '../../api/generated/types/admissionregistration-v1.ts';
import { createKindRegistry } from '../../api/registry.ts';
import { builtInSchemas } from '../../api/schema/schema.ts';
import { isReason } from '../../api/status.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';

const workers = 2;
const policies = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingadmissionpolicies',
} as const;

export class PolicyStatusController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #policies: Informer<ValidatingAdmissionPolicy>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#policies = context.informers.of<ValidatingAdmissionPolicy>(policies);
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    const changed = (policy: ValidatingAdmissionPolicy) => {
      if (policy.status?.observedGeneration !== policy.metadata?.generation) this.#queue.add(keyOf(policy));
    };
    this.#policies.addHandler({ add: changed, update: changed });
    await this.#policies.synced;
    await runWorkers(this.#queue, workers, (key) => this.reconcile(key), signal, logger);
  }

  async reconcile(key: string): Promise<undefined> {
    const policy = this.#policies.get(key);
    const generation = policy?.metadata?.generation;
    if (!policy || policy.status?.observedGeneration === generation) return;
    const expressionWarnings = checkPolicy(policy.spec ?? {}, createKindRegistry(), builtInSchemas());
    const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
    const status = { ...policy.status, observedGeneration: generation, typeChecking };
    try {
      await this.#context.client.update(policies, { ...policy, status }, 'status');
    } catch (error) {
      // Gone, or changed: then the change comes by itself.
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
    }
  }
}
