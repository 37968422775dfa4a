/**
 * How much a replica may hold. Whoever proposes a put looks at its own state first: sizes are the same on every replica, quotas need not be, and
 * a few writes more than the quota do no harm. So nothing has to be switched off again: once there is space, there is no alarm.
 */
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { leaseOverheadBytes } from './lease-table.ts';
import type { State } from './state.ts';
import type { StoreUsage } from './types.ts';

export interface Quota {
  /** Of all that is kept, as `StoreUsage.bytes` counts it. */
  readonly bytes: number;
  /** Of what lies in the JavaScript heap: keys and the records of versions. */
  readonly heapBytes: number;
}

const maxDefaultQuotaBytes = 8 * 1024 ** 3;
/** Of the machine's memory and of the heap's limit, for others live there too. */
const memoryPart = 0.5;
const heapPart = 0.6;

const heapBytesPerVersion = 130;
const heapBytesPerKey = 150;

export function defaultQuota(): Quota {
  return {
    bytes: Math.min(maxDefaultQuotaBytes, Math.floor(totalmem() * memoryPart)),
    heapBytes: Math.floor(getHeapStatistics().heap_size_limit * heapPart),
  };
}

export function usageOf(state: State, quota: Quota): StoreUsage {
  const { bytes, keys, versions, liveBytes, historyBytes, allocatedBytes } = state;
  const leases = state.leases.size;
  const heapBytes = versions * heapBytesPerVersion + keys * heapBytesPerKey + leases * leaseOverheadBytes;
  const isFull = bytes >= quota.bytes || heapBytes >= quota.heapBytes;
  return {
    bytes,
    quotaBytes: quota.bytes,
    alarm: isFull ? 'no-space' : undefined,
    keys,
    versions,
    leases,
    liveBytes,
    historyBytes,
    allocatedBytes,
  };
}
