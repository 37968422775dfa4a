/** Every active namespace has a ServiceAccount `default` and a ConfigMap `kube-root-ca.crt`, from its first moment. */
import type { ConfigMap, Namespace, ServiceAccount } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { isNamespaceTerminating } from '../shared/errors.ts';
import { planNamespaceDefaults, rootCaName } from './plan.ts';

const workers = 8;

export class ServiceAccountController {
  readonly #context: ControllerContext;
  readonly #caPem: string;
  readonly #queue: WorkQueue;
  readonly #namespaces: Informer<Namespace>;
  readonly #accounts: Informer<ServiceAccount>;
  readonly #configMaps: Informer<ConfigMap>;

  constructor(context: ControllerContext, options: { readonly caPem: string }) {
    this.#context = context;
    this.#caPem = options.caPem;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#namespaces = context.informers.of<Namespace>(resources.namespaces);
    this.#accounts = context.informers.of<ServiceAccount>(resources.serviceAccounts);
    this.#configMaps = context.informers.of<ConfigMap>(resources.configMaps);
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context;
    this.#namespaces.addHandler({
      add: (namespace) => this.#queue.add(keyOf(namespace)),
      update: (namespace) => this.#queue.add(keyOf(namespace)),
    });
    this.#accounts.addHandler({
      delete: ({ metadata }) => metadata?.name === 'default' && this.#queue.add(metadata.namespace!),
    });
    const rootCaChanged = ({ metadata }: ConfigMap) =>
      metadata?.name === rootCaName && this.#queue.add(metadata.namespace!);
    this.#configMaps.addHandler({ update: rootCaChanged, delete: rootCaChanged });
    await Promise.all([this.#namespaces.synced, this.#accounts.synced, this.#configMaps.synced]);
    await runWorkers(this.#queue, workers, (name) => this.reconcile(name).then(() => undefined), signal, logger);
  }

  async reconcile(name: string): Promise<void> {
    const { client } = this.#context;
    const plan = planNamespaceDefaults({
      namespace: this.#namespaces.get(name),
      account: this.#accounts.get(`${name}/default`),
      rootCa: this.#configMaps.get(`${name}/${rootCaName}`),
      caPem: this.#caPem,
    });
    const writes: Promise<unknown>[] = [];
    if (plan.createAccount) writes.push(client.create(resources.serviceAccounts, plan.createAccount));
    if (plan.createRootCa) writes.push(client.create(resources.configMaps, plan.createRootCa));
    if (plan.updateRootCa) writes.push(client.update(resources.configMaps, plan.updateRootCa));
    for (const result of await Promise.allSettled(writes)) if (result.status === 'rejected') rethrow(result.reason);
  }
}

/** Somebody else made it first, or the namespace is going: both are fine. */
function rethrow(error: unknown): void {
  if (!isReason(error, 'AlreadyExists') && !isReason(error, 'NotFound') && !isNamespaceTerminating(error)) throw error;
}
