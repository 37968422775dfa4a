/**
 * What locks and elections share: everyone who waits has a key under a common prefix, made with its lease, and the oldest key holds. So
 * the order is that of the log, and who loses its lease loses its place.
 */
import { type KeyValue, prefixEnd, type Store, StoreError, type Watch } from '../../store/types.ts';
import { defaultSessionSeconds } from './limits.ts';
import { refuseProtectedRange } from './protected-keys.ts';

export interface Place {
  readonly key: string;
  /** Of the key's creation. */
  readonly revision: number;
  /** What is there already, when this lease had its place before. */
  readonly present: KeyValue | undefined;
  /** The store's revision of the answer. */
  readonly answered: number;
}

export async function leaseOrNew(store: Store, leaseId: bigint): Promise<bigint> {
  return leaseId === 0n ? (await store.grantLease({ ttlSeconds: defaultSessionSeconds })).id : leaseId;
}

/** Takes a place in the queue, or finds the one that this lease has. @throws StoreError lease-not-found */
export async function takePlace(store: Store, prefix: string, leaseId: bigint, value: Uint8Array): Promise<Place> {
  const key = `${prefix}${BigInt.asUintN(64, leaseId).toString(16)}`;
  refuseProtectedRange({ key });
  const { succeeded, revision, results } = await store.transact({
    compare: [{ key, target: 'createRevision', operator: '=', operand: 0 }],
    success: [{ type: 'put', key, value, leaseId }],
    failure: [{ type: 'range', key }],
  });
  if (succeeded) return { key, revision, present: undefined, answered: revision };
  const present = results[0]?.type === 'range' ? results[0].items[0] : undefined;
  return { key, revision: present?.createRevision ?? revision, present, answered: revision };
}

/** The key that holds: the oldest under the prefix. */
export function holderOf(store: Store, prefix: string): KeyValue | undefined {
  return store.range({
    key: prefix,
    end: prefixEnd(prefix),
    limit: 1,
    sort: { target: 'createRevision', order: 'ascend' },
  }).items[0];
}

/** Resolves when no key under the prefix is older than `revision`. Rejects when the signal aborts. */
export async function waitForTurn(store: Store, prefix: string, revision: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const before = store.range({
      key: prefix,
      end: prefixEnd(prefix),
      limit: 1,
      sort: { target: 'createRevision', order: 'descend' },
      maxCreateRevision: revision - 1,
    }).items[0];
    if (!before) return;
    await waitForDeletion(store, before.key, signal);
  }
}

function waitForDeletion(store: Store, key: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let watch: Watch | undefined;
    const end = (settle: () => void) => {
      watch?.cancel();
      signal.removeEventListener('abort', aborted);
      settle();
    };
    const aborted = () => end(() => reject(new StoreError('unavailable', 'the caller gave up')));
    if (signal.aborted) {
      aborted();
      return;
    }
    signal.addEventListener('abort', aborted, { once: true });
    watch = store.watch(
      { key },
      {
        onEvents: (events) => {
          if (events.some((event) => event.type === 'delete')) end(resolve);
        },
        // Looking again says more than history that is not there any more.
        onClose: () => end(resolve),
      },
    );
  });
}

/** Gives a place up, unless someone else has it by now. */
export async function leavePlace(store: Store, key: string, revision: number): Promise<number> {
  const result = await store.transact({
    compare: [{ key, target: 'createRevision', operator: '=', operand: revision }],
    success: [{ type: 'delete', key }],
  });
  return result.revision;
}
