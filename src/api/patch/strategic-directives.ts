/** The names under which a strategic merge patch gives orders besides values. */

export const patchDirective = '$patch';
export const retainKeysDirective = '$retainKeys';
const deleteFromPrimitiveListPrefix = '$deleteFromPrimitiveList/';
const setElementOrderPrefix = '$setElementOrder/';

/** A patch object taken apart. `values` holds what is no directive. */
export interface PatchParts {
  readonly directive: unknown;
  readonly retainKeys: unknown;
  /** List name → values to remove. */
  readonly deletions: ReadonlyMap<string, unknown>;
  /** List name → wanted order. */
  readonly orders: ReadonlyMap<string, unknown>;
  readonly values: ReadonlyMap<string, unknown>;
}

export function takeApart(patch: Readonly<Record<string, unknown>>): PatchParts {
  const deletions = new Map<string, unknown>();
  const orders = new Map<string, unknown>();
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries(patch)) {
    if (key === patchDirective || key === retainKeysDirective) continue;
    if (key.startsWith(deleteFromPrimitiveListPrefix))
      deletions.set(key.slice(deleteFromPrimitiveListPrefix.length), value);
    else if (key.startsWith(setElementOrderPrefix)) orders.set(key.slice(setElementOrderPrefix.length), value);
    else values.set(key, value);
  }
  return { directive: patch[patchDirective], retainKeys: patch[retainKeysDirective], deletions, orders, values };
}
