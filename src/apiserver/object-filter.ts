/** Label and field selectors of a request as one predicate over objects. */
import type { ResourceDefinition } from '../api/definition.ts';
import { checkFieldSelector, matchesFields, parseFieldSelector, requiredName } from '../api/meta/field-selector.ts';
import { matchesLabels, parseLabelSelector } from '../api/meta/label-selector.ts';
import type { KubernetesObject } from '../api/types.ts';

export interface ObjectFilter {
  /** Undefined: everything matches, and no object needs to be decoded. */
  readonly matches: ((object: KubernetesObject) => boolean) | undefined;
  /** A field selector asks for this one name. */
  readonly name: string | undefined;
  /** It looks at fields of one version of a custom resource: at objects as that version shows them, not as they are stored. */
  readonly shown: boolean;
}

export interface SelectorOptions {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** @throws ApiError BadRequest */
export function objectFilter(definition: ResourceDefinition, options: SelectorOptions): ObjectFilter {
  const labels = parseLabelSelector(options.labelSelector ?? '');
  const fields = parseFieldSelector(options.fieldSelector ?? '');
  checkFieldSelector(fields, definition);
  const all = labels.length === 0 && fields.length === 0;
  return {
    matches: all
      ? undefined
      : (object) => matchesLabels(labels, object.metadata?.labels) && matchesFields(fields, definition, object),
    name: requiredName(fields),
    shown: definition.custom !== undefined && fields.some(({ field }) => !field.startsWith('metadata.')),
  };
}
