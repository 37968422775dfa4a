/** What every verb needs, made once by `createResourceApi`. */
import type { KindRegistry } from '../api/definition.ts';
import type { SchemaSet } from '../api/schema/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/types.ts';
import type { AdmissionChain } from './admission/types.ts';
import type { Allocators } from './allocation/types.ts';
import type { Authorizer } from './types.ts';

export interface ApiCore {
  readonly store: Store;
  readonly registry: KindRegistry;
  readonly schemas: SchemaSet;
  readonly authorizer: Authorizer;
  readonly admission: AdmissionChain;
  readonly allocators: Allocators;
  readonly clock: Clock;
  /** A fresh UID (RFC 4122). */
  readonly newUid: () => string;
  /** A number in [0, 1), for generated names and jitter. */
  readonly random: () => number;
}
