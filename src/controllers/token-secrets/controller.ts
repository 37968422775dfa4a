/** Fills Secrets of type `kubernetes.io/service-account-token`, and removes those whose account is gone. */
import type { Secret, ServiceAccount } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/object-cache.ts';
import { runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { accountAnnotation, filled, planTokenSecret, tokenSecretType } from './plan.ts';

const workers = 2;

/** A token that is good as long as the Secret and the account are there. */
export type IssueSecretToken = (secret: Secret, account: ServiceAccount) => Promise<string>;

export interface TokenSecretsOptions {
  readonly caPem: string;
  readonly issueToken: IssueSecretToken | undefined;
}

export class TokenSecretsController {
  readonly #context: ControllerContext;
  readonly #options: TokenSecretsOptions;
  readonly #queue: WorkQueue;
  readonly #secrets: Informer<Secret>;
  readonly #accounts: Informer<ServiceAccount>;

  constructor(context: ControllerContext, options: TokenSecretsOptions) {
    this.#context = context;
    this.#options = options;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#secrets = context.informers.of<Secret>(resources.secrets);
    this.#accounts = context.informers.of<ServiceAccount>(resources.serviceAccounts);
  }

  async run(): Promise<void> {
    if (!this.#options.issueToken) return;
    const { signal, logger } = this.#context;
    const enqueue = (secret: Secret) => void (secret.type === tokenSecretType && this.#queue.add(keyOf(secret)));
    this.#secrets.addHandler({ add: enqueue, update: enqueue });
    await Promise.all([this.#secrets.synced, this.#accounts.synced]);
    // After the first listing: an account that appears or goes concerns the Secrets that name it.
    const ofAccount = ({ metadata }: ServiceAccount) => {
      for (const secret of this.#secrets.list()) {
        const names = secret.metadata?.annotations?.[accountAnnotation] === metadata?.name;
        if (names && secret.metadata?.namespace === metadata?.namespace) enqueue(secret);
      }
    };
    this.#accounts.addHandler({ add: ofAccount, delete: ofAccount });
    await runWorkers(this.#queue, workers, (key) => this.#reconcile(key).then(() => undefined), signal, logger);
  }

  async #reconcile(key: string): Promise<void> {
    const secret = this.#secrets.get(key);
    if (!secret) return;
    const { client } = this.#context;
    const { namespace, name, uid, resourceVersion, annotations } = secret.metadata!;
    try {
      // What decides about a deletion is not a cache that may be behind.
      const account = await client
        .get<ServiceAccount>(resources.serviceAccounts, { namespace, name: annotations?.[accountAnnotation] ?? '' })
        .catch(ignoreMissing);
      const step = planTokenSecret(secret, account, this.#options.caPem);
      if (step.kind === 'none') return;
      if (step.kind === 'delete') {
        await client.delete(resources.secrets, { namespace, name: name! }, { preconditions: { uid, resourceVersion } });
        return;
      }
      const token = step.needsToken ? await this.#options.issueToken!(secret, account!) : undefined;
      await client.update(resources.secrets, filled(secret, account!, this.#options.caPem, token));
    } catch (error) {
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
    }
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!isReason(error, 'NotFound')) throw error;
}
