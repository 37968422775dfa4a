/**
 * Members' records in the replicated state, below a prefix that API clients cannot write: what consensus does not know of a member (its other
 * addresses, its key).
 */
import { prefixEnd, type Store } from '../../store/types.ts';
import type { MemberRecord } from './member-record.ts';

export const membersPrefix = '/registry/trimast/members/';
const prefix = membersPrefix;
const retryMs = 500;

export class MemberRegistry {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** From this replica's memory. */
  get(id: number): MemberRecord | undefined {
    const item = this.#store.get(prefix + id);
    return item && decode(item.value);
  }

  list(): MemberRecord[] {
    return this.#store.range({ key: prefix, end: prefixEnd(prefix) }).items.map(({ value }) => decode(value));
  }

  /** Nothing is written when the record has changed since it was read, or `refuse` gives a reason, which is thrown. */
  async save(record: MemberRecord, refuse: (known: MemberRecord | undefined) => string | undefined): Promise<void> {
    await this.#store.linearizable();
    const key = prefix + record.id;
    const known = this.#store.get(key);
    const reason = refuse(known && decode(known.value));
    if (reason !== undefined) throw new RefusedError(reason);
    const { succeeded } = await this.#store.transact({
      compare: [{ key, target: 'modRevision', operator: '=', operand: known?.modRevision ?? 0 }],
      success: [{ type: 'put', key, value: Buffer.from(JSON.stringify(record)) }],
    });
    if (!succeeded) throw new RefusedError(`the record of ${record.name} was changed at the same time: try again`);
  }

  async remove(id: number): Promise<void> {
    await this.#store.transact({ compare: [], success: [{ type: 'delete', key: prefix + id }] });
  }

  /** Calls back after every change, and whenever a change may have been missed. */
  watch(listener: () => void, signal: AbortSignal): void {
    const begin = () => {
      if (signal.aborted) return;
      const again = () => setTimeout(begin, retryMs).unref();
      try {
        const watch = this.#store.watch(
          { key: prefix, end: prefixEnd(prefix) },
          { onEvents: () => queueMicrotask(listener), onClose: again },
        );
        signal.addEventListener('abort', () => watch.cancel(), { once: true });
        listener();
      } catch {
        // Compacted meanwhile: the next one starts later.
        again();
      }
    };
    begin();
  }
}

export class RefusedError extends Error {
  readonly code = 'refused';
}

function decode(value: Uint8Array): MemberRecord {
  return JSON.parse(Buffer.from(value).toString('utf8')) as MemberRecord;
}
