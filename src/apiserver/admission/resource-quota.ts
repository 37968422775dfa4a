/**
 * ResourceQuotas of a namespace. What a write adds is charged in the write's own transaction, on condition that the quotas are still what they
 * were when it was found to fit: so no quota is ever exceeded, through however many masters, and nothing is charged for what is not written.
 * What deletions give back is found out by the controller.
 */
import type { ResourceQuota } from '../../api/generated/types/core-v1.ts';
import { planCharge, QuotaRefusal } from '../../api/quota/charge.ts';
import { evaluatorFor, type QuotaWrite } from '../../api/quota/evaluator.ts';
import { ApiError } from '../../api/status.ts';
import { encodeForStorage } from '../../api/storage-codec.ts';
import type { KubernetesObject } from '../../api/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../../store/types.ts';
import { forbidden } from '../errors.ts';
import { collectionRange, objectKey } from '../keys.ts';
import { decodeFresh, decodeShared, recordOf } from '../object-record.ts';
import { linearizableTimeoutMs } from '../resource-version.ts';
import { withStoreErrors } from '../store-errors.ts';
import type { AdmissionPlugin, AdmissionRequest, TransactionPart } from './types.ts';

const resourceQuotas = { group: '', resource: 'resourcequotas' };
/** Writes that wait for their turn in one namespace, through this replica. */
const maxWaiting = 2_000;
/** They come and go by themselves, and are no content of a namespace. */
const ignored = new Set(['/events', 'events.k8s.io/events', '/bindings']);

type QuotaStore = Pick<Store, 'range' | 'linearizable'>;

export function resourceQuota(store: QuotaStore, clock: Clock): AdmissionPlugin {
  const turns = new Turns();
  return {
    name: 'ResourceQuota',
    handles: ({ definition, operation }) =>
      definition.namespaced &&
      (operation === 'CREATE' || operation === 'UPDATE') &&
      !ignored.has(`${definition.group}/${definition.resource}`),
    validate(request) {
      const { namespace, definition, subresource, operation, object, oldObject: old } = request;
      if (namespace === undefined || !object || request.kind) return;
      const found = store.range(collectionRange(resourceQuotas, namespace)).items;
      if (found.length === 0) return;
      const evaluator = evaluatorFor(definition.stored ?? definition);
      const write: QuotaWrite = { operation: operation === 'CREATE' ? 'CREATE' : 'UPDATE', subresource, object, old };
      if (!evaluator.handles(write)) return;
      request.charge = {
        enter: () => turns.enter(namespace, request),
        plan: () => planPart(store, request, namespace, write, clock.nowMs()),
      };
    },
  };
}

async function planPart(
  store: QuotaStore,
  request: AdmissionRequest,
  namespace: string,
  write: QuotaWrite,
  nowMs: number,
): Promise<TransactionPart> {
  const { definition, name, signal } = request;
  const evaluator = evaluatorFor(definition.stored ?? definition);
  const attempt = (): TransactionPart => {
    const { items } = store.range(collectionRange(resourceQuotas, namespace));
    const quotas = items.map((item) => decodeShared(recordOf(item)) as KubernetesObject & ResourceQuota);
    const charged = planCharge(quotas, evaluator, write, nowMs);
    return {
      compare: charged.map(({ quota }) => {
        const item = items[quotas.indexOf(quota as KubernetesObject & ResourceQuota)]!;
        return { key: item.key, target: 'modRevision', operator: '=', operand: item.modRevision };
      }),
      success: charged.map(({ quota, used }) => {
        const item = items[quotas.indexOf(quota as KubernetesObject & ResourceQuota)]!;
        const fresh = decodeFresh(recordOf(item));
        fresh.status = { ...(fresh.status as object), used };
        const key = objectKey(resourceQuotas, namespace, quota.metadata?.name ?? '');
        return { type: 'put', key, value: encodeForStorage(fresh) };
      }),
    };
  };
  try {
    return attempt();
  } catch (error) {
    if (!(error instanceof QuotaRefusal)) throw error;
  }
  // What this replica knows may be behind: something may have been given back.
  await withStoreErrors(() => store.linearizable({ signal, timeoutMs: linearizableTimeoutMs }));
  try {
    return attempt();
  } catch (error) {
    if (error instanceof QuotaRefusal) throw forbidden(definition, name, error.message);
    throw error;
  }
}

/** One after the other, by namespace: those that would only refuse each other need not try at the same time. */
class Turns {
  readonly #last = new Map<string, { readonly done: Promise<void>; waiting: number }>();

  async enter(namespace: string, { definition, name, signal }: AdmissionRequest): Promise<() => void> {
    const before = this.#last.get(namespace);
    const waiting = (before?.waiting ?? 0) + 1;
    if (waiting > maxWaiting) {
      const what = `${definition.resource} "${name}"`;
      throw new ApiError('TooManyRequests', `${what}: too many writes wait for the quotas of namespace ${namespace}`, {
        retryAfterSeconds: 1,
      });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const own = { done: promise, waiting };
    this.#last.set(namespace, own);
    const leave = () => {
      if (this.#last.get(namespace) === own) this.#last.delete(namespace);
      else {
        const last = this.#last.get(namespace);
        if (last) last.waiting--;
      }
      resolve();
    };
    await before?.done;
    // Nobody waits for the answer any more: those behind need not wait for the write.
    if (signal?.aborted) {
      leave();
      throw new ApiError('Timeout', 'request did not complete within requested timeout');
    }
    return leave;
  }
}
