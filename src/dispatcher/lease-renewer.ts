/**
 * Keeps the Leases in kube-node-lease that clients read as signs of life. The master that holds a node's session renews its Lease, and
 * only while it really hears the node: a session whose other end is gone must not look alive.
 */
import type { Lease } from '../api/generated/types/coordination-v1.ts';
import { isReason } from '../api/status.ts';
import { resources } from '../api/types.ts';
import type { ApiClient } from '../client/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { AssignmentSource } from './assignment-source.ts';
import type { LastSeen } from './last-seen.ts';
import { leaseDurationSeconds, leaseRenewIntervalMs } from './limits.ts';

const namespace = 'kube-node-lease';

export interface LeaseRenewerOptions {
  readonly client: ApiClient;
  readonly source: Pick<AssignmentSource, 'node'>;
  readonly lastSeen: LastSeen;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class LeaseRenewer {
  readonly #options: LeaseRenewerOptions;
  /** As last written here: its resourceVersion saves a read. */
  readonly #leases = new Map<string, Lease>();
  #renewing = false;

  constructor(options: LeaseRenewerOptions) {
    this.#options = options;
  }

  /** Renews the Leases of those nodes that were heard since the last time. Skipped while an earlier round is not done. Never rejects. */
  async renewAll(nodes: readonly string[]): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    const { lastSeen } = this.#options;
    const heard = nodes.filter((node) => {
      const ageMs = lastSeen.ageMs(node);
      return ageMs >= 0 && ageMs <= leaseRenewIntervalMs;
    });
    await Promise.all(heard.map((node) => this.renew(node)));
    this.#renewing = false;
  }

  /** Never rejects: what cannot be renewed now is renewed the next time. */
  async renew(node: string): Promise<void> {
    try {
      const known = this.#leases.get(node);
      this.#leases.set(node, known ? await this.#update(node, known) : await this.#readOrCreate(node));
    } catch (error) {
      // Another master renewed it, or it was deleted: read it the next time.
      this.#leases.delete(node);
      if (!isReason(error, 'Conflict') && !isReason(error, 'NotFound'))
        this.#options.logger.warn({ node, err: error }, 'the Lease of a node was not renewed');
    }
  }

  forget(node: string): void {
    this.#leases.delete(node);
  }

  async #readOrCreate(node: string): Promise<Lease> {
    const { client } = this.#options;
    try {
      return await this.#update(node, await client.get<Lease>(resources.leases, { namespace, name: node }));
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
      const metadata = { namespace, name: node };
      return client.create<Lease>(resources.leases, this.#renewed(node, { metadata }));
    }
  }

  #update(node: string, lease: Lease): Promise<Lease> {
    return this.#options.client.update<Lease>(resources.leases, this.#renewed(node, lease));
  }

  #renewed(node: string, lease: Lease): Lease {
    const { clock, source } = this.#options;
    const uid = source.node(node)?.metadata?.uid;
    const owner = uid && { apiVersion: 'v1', kind: 'Node', name: node, uid };
    return {
      ...lease,
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...lease.metadata, ...(owner && { ownerReferences: [owner] }) },
      spec: {
        ...lease.spec,
        holderIdentity: node,
        leaseDurationSeconds,
        // metav1.MicroTime: six digits.
        renewTime: new Date(clock.nowMs()).toISOString().replace('Z', '000Z'),
      },
    };
  }
}
