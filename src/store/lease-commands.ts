/** Carries out what the log says of leases. Pure, as everything that `apply.ts` calls. */
import type { ApplyResult, Observer } from './apply.ts';
import type { Command } from './command.ts';
import type { LeaseRecord } from './lease-table.ts';
import { maxLeases, maxLeaseTtlSeconds, minLeaseTtlSeconds } from './limits.ts';
import type { State } from './state.ts';
import { StoreError } from './types.ts';

/** After the change; of a revoked lease, what it was. */
export interface LeaseChange {
  readonly type: 'granted' | 'renewed' | 'checkpointed' | 'revoked';
  readonly lease: LeaseRecord;
}

type LeaseCommand = Extract<Command, { readonly type: `lease-${string}` }>;

/** @throws StoreError lease-exists, lease-ttl-too-large, lease-not-found, invalid, no-space; the state is as it was then */
export function applyLeaseCommand(state: State, command: LeaseCommand, observer: Observer): ApplyResult {
  const { leases } = state;
  switch (command.type) {
    case 'lease-grant': {
      const lease = grant(state, command.id, command.ttlSeconds);
      observer.onLease({ type: 'granted', lease });
      return { type: 'lease-grant', id: lease.id, ttlSeconds: lease.ttlSeconds, revision: state.revision };
    }
    case 'lease-revoke': {
      const lease = leases.get(command.id);
      if (!lease) throw new StoreError('lease-not-found', `lease ${command.id} is not there`);
      revoke(state, lease, observer);
      return { type: 'lease-revoke', revision: state.revision };
    }
    case 'lease-keep-alive': {
      const ttlSeconds = command.ids.map((id) => {
        const lease = leases.get(id);
        if (!lease) return undefined;
        leases.renew(lease);
        observer.onLease({ type: 'renewed', lease });
        return lease.ttlSeconds;
      });
      return { type: 'lease-keep-alive', ttlSeconds };
    }
    case 'lease-expire': {
      const revoked: bigint[] = [];
      for (const { id, renewals } of command.leases) {
        const lease = leases.get(id);
        // Renewed before this stood in the log: then whoever renewed it was told that it lives.
        if (lease?.renewals !== renewals) continue;
        revoke(state, lease, observer);
        revoked.push(id);
      }
      return { type: 'lease-expire', revoked };
    }
    case 'lease-checkpoint':
      for (const { id, renewals, remainingMs } of command.leases) {
        const lease = leases.get(id);
        if (lease?.renewals !== renewals) continue;
        leases.checkpoint(lease, remainingMs);
        observer.onLease({ type: 'checkpointed', lease });
      }
      return { type: 'lease-checkpoint' };
  }
}

function grant(state: State, id: bigint, ttlSeconds: number): LeaseRecord {
  if (id === 0n) throw new StoreError('invalid', 'a lease cannot have the id 0');
  if (ttlSeconds > maxLeaseTtlSeconds)
    throw new StoreError('lease-ttl-too-large', `a TTL of ${ttlSeconds} s; the limit is ${maxLeaseTtlSeconds} s`);
  if (state.leases.get(id)) throw new StoreError('lease-exists', `lease ${id} exists already`);
  if (state.leases.size >= maxLeases) throw new StoreError('no-space', `${maxLeases} leases, which is the limit`);
  return state.leases.add(id, Math.max(ttlSeconds, minLeaseTtlSeconds));
}

/** Deletes its keys in one revision, in their order. */
function revoke(state: State, lease: LeaseRecord, observer: Observer): void {
  const keys = [...lease.keys].sort();
  if (keys.length > 0) {
    const revision = state.revision + 1;
    for (const key of keys) {
      const previous = state.current(key);
      observer.onEvent({ type: 'delete', current: state.delete(key, revision), previous });
    }
    state.advance(revision);
  }
  state.leases.remove(lease);
  observer.onLease({ type: 'revoked', lease });
}
