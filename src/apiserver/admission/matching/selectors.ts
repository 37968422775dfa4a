/** Namespace and object selectors of webhooks and policies. */
import type { LabelSelector } from '../../../api/generated/types/meta-v1.ts';
import { fromLabelSelector, type LabelRequirements, matchesLabels } from '../../../api/meta/label-selector.ts';
import { type KubernetesObject, resources } from '../../../api/types.ts';
import { notFound } from '../../errors.ts';
import { objectKey } from '../../keys.ts';
import { decodeShared, recordOf } from '../../object-record.ts';
import type { ReadStore } from '../stored-objects.ts';
import type { AdmissionRequest } from '../types.ts';
import { isNamespaces } from './rules.ts';

export interface Selectors {
  readonly namespace: LabelRequirements;
  readonly object: LabelRequirements;
}

/** Absent selectors select everything: defaults say so. */
export function compileSelectors(options: {
  readonly namespaceSelector?: LabelSelector | undefined;
  readonly objectSelector?: LabelSelector | undefined;
}): Selectors {
  return {
    namespace: fromLabelSelector(options.namespaceSelector ?? {}) ?? [],
    object: fromLabelSelector(options.objectSelector ?? {}) ?? [],
  };
}

/** @throws ApiError NotFound when the namespace is gone, and its labels count */
export function selected(store: Pick<ReadStore, 'get'>, selectors: Selectors, request: AdmissionRequest): boolean {
  const { object, oldObject } = request;
  if (selectors.object.length > 0 && !labelled(selectors.object, object) && !labelled(selectors.object, oldObject)) {
    return false;
  }
  if (selectors.namespace.length === 0) return true;
  const labels = namespaceLabels(store, request);
  return labels === undefined || matchesLabels(selectors.namespace, labels);
}

function labelled(requirements: LabelRequirements, object: KubernetesObject | undefined): boolean {
  return object?.metadata !== undefined && matchesLabels(requirements, object.metadata.labels);
}

/** Undefined for what lies in no namespace. */
function namespaceLabels(
  store: Pick<ReadStore, 'get'>,
  { definition, operation, subresource, object, namespace, name }: AdmissionRequest,
): Readonly<Record<string, string>> | undefined {
  const itself = isNamespaces(definition);
  if (itself && subresource === undefined && (operation === 'CREATE' || operation === 'UPDATE')) {
    return object?.metadata?.labels ?? {};
  }
  const where = itself ? name : namespace;
  return where === undefined ? undefined : (namespaceOf(store, where).metadata?.labels ?? {});
}

/** @throws ApiError NotFound */
export function namespaceOf(store: Pick<ReadStore, 'get'>, name: string): KubernetesObject {
  const item = store.get(objectKey(resources.namespaces, undefined, name));
  if (!item) throw notFound(resources.namespaces, name);
  return decodeShared(recordOf(item));
}
