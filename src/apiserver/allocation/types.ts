/** What some kinds are given beside what their writers say (addresses, ports): decided in the transaction of the write itself. */
import type { KubernetesObject } from '../../api/types.ts';
import type { TransactionPart } from '../admission/types.ts';

export interface Allocator {
  /**
   * Completes `object`, in place, from what this replica knows now, and says what must hold and change with it. `old`: absent for a new
   * object; `object`: absent when it goes. Called again after each transaction that failed.
   * @throws ApiError Invalid, InternalError (nothing is left to give)
   */
  plan(object: KubernetesObject | undefined, old: KubernetesObject | undefined): TransactionPart;
}

/** By `resource.group`. */
export type Allocators = ReadonlyMap<string, Allocator>;
