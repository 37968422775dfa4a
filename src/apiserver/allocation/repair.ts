/**
 * Puts right what the transactions cannot have left behind, but a hand, a restore or an older version can: addresses and node ports of Services
 * that nobody holds for them, and those held for Services that are gone. Each repair is a transaction that holds only for what was seen.
 */
import { randomUUID } from 'node:crypto';
import type { Service } from '../../api/generated/types/core-v1.ts';
import type { IPAddress } from '../../api/generated/types/networking-v1.ts';
import { encodeForStorage } from '../../api/storage-codec.ts';
import { resources } from '../../api/types.ts';
import { delay } from '../../client/backoff.ts';
import type { LeaderContext } from '../../client/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { Slices } from '../../lib/slices.ts';
import { type KeyValue, prefixEnd, type Store, type Transaction } from '../../store/types.ts';
import { collectionRange, objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { ipAddresses, ipAddressObject, managedBy, managedByLabel } from './ip-address-object.ts';
import { holderOf, nodePortKey, nodePortPrefix, portsOf } from './node-ports.ts';
import { addressesOf } from './service-allocator.ts';

const intervalMs = 60_000;
const linearizableTimeoutMs = 5_000;

/** Looks now and once a minute until the leadership ends. */
export async function repairServiceAllocations(
  { term, signal }: LeaderContext,
  store: Store,
  clock: Clock,
  logger: Logger,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await store.linearizable({ signal, timeoutMs: linearizableTimeoutMs });
      for (const { reason, transaction } of await repairs(store, clock.nowMs())) {
        const { succeeded } = await store.transact(transaction, { fenceTerm: term, signal });
        if (succeeded) logger.warn({ reason }, 'repaired what a Service holds');
      }
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, 'addresses of Services could not be checked');
    }
    await delay(clock, intervalMs, signal);
  }
}

export interface Repair {
  readonly reason: string;
  readonly transaction: Transaction;
}

/** What to do about the state of this replica. */
export async function repairs(store: Store, nowMs: number): Promise<Repair[]> {
  const found: Repair[] = [];
  const held = new Set<string>();
  const slices = new Slices();
  for (const item of store.range(collectionRange(resources.services, undefined)).items) {
    if (slices.due) await slices.next();
    const service = decodeShared(recordOf(item)) as unknown as Service;
    const who = `${service.metadata?.namespace}/${service.metadata?.name}`;
    const claim = (key: string, what: string, value: () => Uint8Array): void => {
      held.add(`${key}=${who}`);
      if (store.get(key)) return;
      found.push({
        reason: `${what} of Service ${who} was not reserved`,
        transaction: {
          compare: [unchanged(item), { key, target: 'version', operator: '=', operand: 0 }],
          success: [{ type: 'put', key, value: value() }],
        },
      });
    };
    for (const address of addressesOf(service)) {
      const make = () => encodeForStorage(ipAddressObject(address, service, randomUUID(), nowMs));
      claim(objectKey(ipAddresses, undefined, address), `address ${address}`, make);
    }
    for (const port of new Set(portsOf(service)))
      claim(nodePortKey(port), `node port ${port}`, () => holderOf(service));
  }
  const release = (item: KeyValue, who: string, what: string): void => {
    if (held.has(`${item.key}=${who}`)) return;
    const [namespace = '', name = ''] = who.split('/');
    const holder = objectKey(resources.services, namespace, name);
    const seen = store.get(holder);
    found.push({
      reason: `${what} was reserved for Service ${who}, which does not have it`,
      transaction: {
        compare: [
          unchanged(item),
          { key: holder, target: 'modRevision', operator: '=', operand: seen?.modRevision ?? 0 },
        ],
        success: [{ type: 'delete', key: item.key }],
      },
    });
  };
  for (const item of store.range(collectionRange(ipAddresses, undefined)).items) {
    if (slices.due) await slices.next();
    const { metadata, spec } = decodeShared(recordOf(item)) as unknown as IPAddress;
    const parent = spec?.parentRef;
    if (metadata?.labels?.[managedByLabel] !== managedBy || parent?.resource !== 'services' || parent.group) continue;
    release(item, `${parent.namespace}/${parent.name}`, `address ${metadata.name}`);
  }
  for (const item of store.range({ key: nodePortPrefix, end: prefixEnd(nodePortPrefix) }).items)
    release(item, Buffer.from(item.value).toString(), `node port ${item.key.slice(nodePortPrefix.length)}`);
  return found;
}

function unchanged({ key, modRevision }: KeyValue) {
  return { key, target: 'modRevision', operator: '=', operand: modRevision } as const;
}
