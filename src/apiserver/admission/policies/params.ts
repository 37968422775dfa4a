/** The parameters that a binding names for its policy. */
import type { KindRegistry } from '../../../api/definition.ts';
import type { ParamKind, ParamRef } from '../../../api/generated/types/admissionregistration-v1.ts';
import { selectorMatches } from '../../../api/meta/label-selector.ts';
import type { KubernetesObject } from '../../../api/types.ts';
import { objectKey } from '../../keys.ts';
import { decodeShared, recordOf } from '../../object-record.ts';
import { fromStored } from '../../served-form.ts';
import { objectsOf, type ReadStore } from '../stored-objects.ts';

/** The binding cannot be put to work. */
export class ConfigurationError extends Error {}

/** Parameters that one selector may find. */
const maxParams = 1_000;

/** One `null`: the policy works without. None: it does nothing. @throws ConfigurationError */
export function collectParams(
  store: Pick<ReadStore, 'get' | 'range'>,
  registry: KindRegistry,
  kind: ParamKind | undefined,
  ref: ParamRef | undefined,
  namespace: string | undefined,
): readonly (KubernetesObject | null)[] {
  if (!kind || !ref) return [null];
  const [group, version] = kind.apiVersion?.includes('/') ? kind.apiVersion.split('/') : ['', kind.apiVersion];
  const definition = registry.findKind({ group: group!, version: version ?? '', kind: kind.kind ?? '' });
  if (!definition) {
    throw new ConfigurationError(
      `failed to find resource referenced by paramKind: '${kind.apiVersion}, Kind=${kind.kind}'`,
    );
  }
  let where: string | undefined;
  if (definition.namespaced) {
    where = ref.namespace || namespace;
    if (!where) {
      throw new ConfigurationError(
        'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
      );
    }
  } else if (ref.namespace) {
    throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  }
  const found: KubernetesObject[] = [];
  if (ref.name) {
    const item = store.get(objectKey(definition, where, ref.name));
    if (item) found.push(decodeShared(recordOf(item)));
  } else if (ref.selector) {
    const all = objectsOf(store, definition.stored ?? definition, where);
    found.push(...all.filter(({ metadata }) => selectorMatches(ref.selector, metadata?.labels)));
    if (found.length > maxParams) throw new ConfigurationError(`the selector finds more than ${maxParams} params`);
  }
  if (found.length === 0 && ref.parameterNotFoundAction === 'Deny') {
    throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction');
  }
  return found.map((param) => fromStored(definition, param));
}
