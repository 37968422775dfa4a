/**
 * What `resourceVersion` and `resourceVersionMatch` ask of a read.
 * Kubernetes API concepts, "Resource versions": the tables for get, list and watch.
 */
import { invalid } from '../api/meta/field-error.ts';
import { ApiError } from '../api/status.ts';
import type { Store } from '../store/types.ts';
import { StoreError } from '../store/types.ts';
import { resourceVersionTooLarge } from './errors.ts';
import { fromStoreError } from './store-errors.ts';

/** How long a read waits for a revision that this replica has not reached, before it is told that there is none such. */
export const futureRevisionWaitMs = 3_000;

/** How long a linearizable read waits for the leader's word. */
export const linearizableTimeoutMs = 5_000;

export type Freshness =
  | { readonly kind: 'linearizable' }
  | { readonly kind: 'any' }
  | { readonly kind: 'not-older-than' | 'exact'; readonly revision: number };

/** @throws ApiError BadRequest for what is no resource version */
export function parseResourceVersion(text: string): number {
  const revision = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(revision)) {
    throw new ApiError(
      'BadRequest',
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: must be a decimal number`,
    );
  }
  return revision;
}

/** Of a get, and of the start of a watch. */
export function readFreshness(resourceVersion: string | undefined): Freshness {
  if (resourceVersion === undefined || resourceVersion === '') return { kind: 'linearizable' };
  const revision = parseResourceVersion(resourceVersion);
  return revision === 0 ? { kind: 'any' } : { kind: 'not-older-than', revision };
}

export interface ListVersionOptions {
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
  readonly continue?: string | undefined;
  readonly limit?: number | undefined;
}

function forbid(message: string): never {
  throw invalid({ kind: 'ListOptions', group: 'meta.k8s.io' }, '', [
    { reason: 'FieldValueForbidden', field: 'resourceVersionMatch', message: `Forbidden: ${message}` },
  ]);
}

/** Of a list without a continue token; refuses combinations that the API forbids. */
export function listFreshness(options: ListVersionOptions): Freshness {
  const { resourceVersion = '', resourceVersionMatch: match = '' } = options;
  if (match !== '') {
    if (options.continue) forbid('resourceVersionMatch is forbidden when continue is provided');
    if (resourceVersion === '') forbid('resourceVersionMatch is forbidden unless resourceVersion is provided');
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      throw invalid({ kind: 'ListOptions', group: 'meta.k8s.io' }, '', [
        {
          reason: 'FieldValueNotSupported',
          field: 'resourceVersionMatch',
          message: `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`,
        },
      ]);
    }
    if (match === 'Exact' && resourceVersion === '0') {
      forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  const freshness = readFreshness(resourceVersion);
  if (freshness.kind !== 'not-older-than') return freshness;
  // A limited list at a version has always been an exact one, before there was a parameter to say so.
  const exact = match === 'Exact' || (match === '' && (options.limit ?? 0) > 0);
  return exact ? { kind: 'exact', revision: freshness.revision } : freshness;
}

/** Waits until this replica is as fresh as asked. @throws ApiError Timeout (in the future), ServiceUnavailable */
export async function awaitFreshness(store: Store, freshness: Freshness, signal?: AbortSignal): Promise<void> {
  if (freshness.kind === 'any') return;
  try {
    if (freshness.kind === 'linearizable') {
      await store.linearizable({ signal, timeoutMs: linearizableTimeoutMs });
    } else if (freshness.revision > store.revision) {
      await store.waitForRevision(freshness.revision, { signal, timeoutMs: futureRevisionWaitMs });
    }
  } catch (error) {
    if (freshness.kind !== 'linearizable' && error instanceof StoreError && store.revision < freshness.revision) {
      throw resourceVersionTooLarge(freshness.revision, store.revision);
    }
    throw fromStoreError(error);
  }
}
