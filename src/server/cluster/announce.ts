/**
 * A master tells the cluster where it is, at every start and whenever the cluster thinks otherwise: so a changed address in its configuration is
 * enough to move it. The leader cannot reach a master that has moved, so it tells whichever master it can reach.
 */

import { ClusterService } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import type { Logger } from '../../lib/logger.ts';
import type { RaftNode } from '../../raft/types.ts';
import type { MasterConfig } from '../config.ts';
import type { IdentityKey } from './identity-key.ts';
import { addressesToAsk, configured, type MemberDirectory } from './member-directory.ts';
import { sameAddresses, signRecord, toWire } from './member-record.ts';
import type { MemberRegistry } from './member-registry.ts';
import type { Membership } from './membership.ts';
import type { PeerClients } from './peer-clients.ts';

const checkMs = 1_000;
const callTimeoutMs = 10_000;
const toldEveryFailures = 10;

export interface AnnounceOptions {
  readonly config: MasterConfig;
  readonly raft: Pick<RaftNode<unknown>, 'members' | 'leadership'>;
  readonly registry: MemberRegistry;
  readonly directory: MemberDirectory;
  readonly membership: Membership;
  readonly clients: PeerClients;
  readonly key: IdentityKey;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export async function keepAnnouncing(options: AnnounceOptions): Promise<void> {
  const { config, raft, registry, directory, membership, clients, key, logger, signal } = options;
  const own = { ...configured(config, config.memberId)! };
  const publicKey = Buffer.from(key.publicKey).toString('base64');
  let failures = 0;

  const isKnown = (): boolean => {
    const record = registry.get(own.id);
    const member = raft.members().find(({ id }) => id === own.id);
    return (
      record !== undefined &&
      record.publicKey === publicKey &&
      sameAddresses(record, own) &&
      member?.address === own.raftAddress
    );
  };
  const tell = async (): Promise<void> => {
    // Behind whatever sequence is known, also when this machine's clock was set back.
    const sequence = Math.max(Date.now(), (registry.get(own.id)?.sequence ?? 0) + 1);
    const record = signRecord(own, sequence, key);
    if (raft.leadership().leaderId !== undefined) return membership.announce(record);
    let failure: unknown = new Error('no other master is known');
    const addresses = [...directory.others().map(({ grpcAddress }) => grpcAddress), ...addressesToAsk(config)];
    for (const address of new Set(addresses)) {
      try {
        const deadline = Date.now() + callTimeoutMs;
        await clients
          .at(address)
          .unary(ClusterService.method.announce, { record: toWire(record) }, { signal, deadline });
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };

  while (!signal.aborted) {
    const isMember = raft.members().some(({ id }) => id === own.id);
    if (isMember && !isKnown()) {
      try {
        await tell();
        logger.info({ raft: own.raftAddress, api: own.apiAddress }, 'announced where this master is');
        failures = 0;
      } catch (error) {
        const reason = (error as { details?: string }).details ?? (error as Error).message;
        // At the start of a cluster nobody leads for a moment.
        if (++failures % toldEveryFailures === 0) logger.warn({ reason }, 'this master could not announce itself');
      }
    }
    await new Promise((resolve) => setTimeout(resolve, checkMs).unref());
  }
}
