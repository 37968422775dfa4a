/**
 * Reads an object, derives its next state, and writes that if nobody was faster; else again with the fresh object.
 * What is read may be behind (this replica's memory): so a failure of `change` counts only once the read is known to be current.
 */
import type { ResourceDefinition } from '../api/definition.ts';
import { encodeForStorage } from '../api/storage-codec.ts';
import type { KubernetesObject } from '../api/types.ts';
import type { Compare, KeyValue, Operation, TransactionResult } from '../store/types.ts';
import type { Charge, TransactionPart } from './admission/types.ts';
import type { ApiCore } from './core.ts';
import { readable, storedBytes } from './custom-resources/stored-form.ts';
import { notFound, objectModified } from './errors.ts';
import { objectKey } from './keys.ts';
import { decodeShared, type ObjectRecord, recordOf } from './object-record.ts';
import { linearizableTimeoutMs } from './resource-version.ts';
import { withStoreErrors } from './store-errors.ts';
import type { RequestContext } from './types.ts';

/** Lost races before the caller is told of the conflict. */
const maxAttempts = 16;

/** `keep`: nothing to write. */
export type Change =
  | { readonly type: 'put' | 'delete'; readonly object: KubernetesObject; readonly charge?: Charge | undefined }
  | { readonly type: 'keep' };

export interface ChangeOptions {
  readonly definition: ResourceDefinition;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly dryRun: boolean;
  /** Called again after a lost race. Throws an ApiError to refuse. */
  change(current: ObjectRecord): Change | Promise<Change>;
}

export interface ChangeResult {
  /** The object afterwards; of a deletion its last state, with the deletion's revision. */
  readonly record: ObjectRecord;
  readonly deleted: boolean;
}

export async function changeObject(
  core: ApiCore,
  context: RequestContext,
  options: ChangeOptions,
): Promise<ChangeResult> {
  const { definition, namespace, name } = options;
  const key = objectKey(definition, namespace, name);
  let current = core.store.get(key);
  let confirmed = false;
  const allocator = core.allocators.get(`${definition.resource}.${definition.group}`);
  for (let attempt = 0; attempt < maxAttempts; ) {
    let change: Change | undefined;
    let value: Uint8Array | undefined;
    let failure: unknown;
    let allocated: TransactionPart | undefined;
    try {
      if (!current) throw notFound(definition, name);
      change = await options.change(await readable(definition, recordOf(current)));
      if (change.type !== 'keep') {
        const wanted = change.type === 'put' ? change.object : undefined;
        allocated = allocator?.plan(wanted, decodeShared(recordOf(current)));
        value = await storedBytes(definition, change.object);
      }
    } catch (error) {
      failure = error;
      change = undefined;
    }
    const unchanged = change?.type === 'keep' || (change?.type === 'put' && sameBytes(value, current?.value));
    if (!change || !current || unchanged || options.dryRun) {
      // Nothing is written, so no transaction will tell whether what was read is current.
      if (!confirmed) {
        confirmed = true;
        const seen = current?.modRevision;
        await withStoreErrors(() =>
          core.store.linearizable({ signal: context.signal, timeoutMs: linearizableTimeoutMs }),
        );
        current = core.store.get(key);
        if (current?.modRevision !== seen) continue;
      }
      if (!change || !current) throw failure;
      if (unchanged) return { record: await readable(definition, recordOf(current)), deleted: false };
      if (change.type === 'put') await change.charge?.plan();
      return {
        record: { value: shownBytes(definition, change, value!), revision: current.modRevision },
        deleted: change.type === 'delete',
      };
    }
    const result = await write(core, context, { key, current, change, value: value!, allocated });
    if (result.succeeded) {
      const record = { value: shownBytes(definition, change, value!), revision: result.revision };
      return { record, deleted: change.type === 'delete' };
    }
    const [fresh] = result.results;
    current = fresh?.type === 'range' ? fresh.items[0] : undefined;
    confirmed = true;
    attempt++;
  }
  throw objectModified(definition, name);
}

/** What the writer sees of what it wrote. */
function shownBytes(definition: ResourceDefinition, change: Change, stored: Uint8Array): Uint8Array {
  return definition.custom && change.type !== 'keep' ? encodeForStorage(change.object) : stored;
}

interface Write {
  readonly key: string;
  readonly current: KeyValue;
  readonly change: Change;
  readonly value: Uint8Array;
  readonly allocated: TransactionPart | undefined;
}

async function write(
  core: ApiCore,
  context: RequestContext,
  { key, current, change, value, allocated }: Write,
): Promise<TransactionResult> {
  const compare: Compare[] = [{ key, target: 'modRevision', operator: '=', operand: current.modRevision }];
  const success: Operation[] = [change.type === 'delete' ? { type: 'delete', key } : { type: 'put', key, value }];
  const charge = change.type === 'put' ? change.charge : undefined;
  const leave = await charge?.enter();
  try {
    const part = await charge?.plan();
    for (const { compare: holds, success: writes } of [part, allocated].filter((one) => one !== undefined)) {
      compare.push(...holds);
      success.push(...writes);
    }
    const options = { fenceTerm: context.fenceTerm, signal: context.signal };
    return await withStoreErrors(() =>
      core.store.transact({ compare, success, failure: [{ type: 'range', key }] }, options),
    );
  } finally {
    leave?.();
  }
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
