/** Builds a `ResourceDefinition` from what is particular about a kind; everything else follows from Kubernetes' conventions. */
import type { Column, ResourceDefinition, StoredForm, Strategy, SubresourceDefinition } from '../definition.ts';
import { ageColumn, nameColumn } from '../table/column.ts';
import type { GroupVersionKind, KubernetesObject } from '../types.ts';

export const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;

export interface KindOptions {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural resource name. */
  readonly resource: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Default: all. */
  readonly verbs?: readonly string[];
  readonly subresources?: readonly SubresourceDefinition[];
  /** Between name and age; default none. */
  readonly columns?: readonly Column[];
  /** All columns, where age is not last or absent. */
  readonly allColumns?: readonly Column[];
  readonly fieldSelectors?: Readonly<Record<string, (object: KubernetesObject) => string>>;
  readonly strategy?: Strategy;
  readonly stored?: StoredForm;
  readonly deprecation?: string;
  readonly createOnUpdate?: boolean;
  readonly needsResourceVersion?: boolean;
  readonly orphansByDefault?: boolean;
  /** Definition in `generated/schemas.json`; default: as Kubernetes' own API groups name theirs. */
  readonly schema?: string;
  /** Default: the kind in lower case. */
  readonly singular?: string;
}

export function defineKind(options: KindOptions): ResourceDefinition {
  const { group, version, kind } = options;
  const schemaGroup = group === '' ? 'core' : group.split('.')[0];
  return {
    group,
    version,
    resource: options.resource,
    kind,
    listKind: `${kind}List`,
    singular: options.singular ?? kind.toLowerCase(),
    shortNames: options.shortNames ?? [],
    categories: options.categories ?? [],
    namespaced: options.namespaced,
    schema: options.schema ?? `io.k8s.api.${schemaGroup}.${version}.${kind}`,
    verbs: options.verbs ?? allVerbs,
    subresources: options.subresources ?? [],
    columns: options.allColumns ?? [nameColumn, ...(options.columns ?? []), ageColumn],
    fieldSelectors: options.fieldSelectors ?? {},
    strategy: options.strategy ?? {},
    stored: options.stored,
    deprecation: options.deprecation,
    createOnUpdate: options.createOnUpdate,
    needsResourceVersion: options.needsResourceVersion,
    orphansByDefault: options.orphansByDefault,
  };
}

/** `status` as its own endpoint: get, patch, update. */
export function statusSubresource(kind: GroupVersionKind): SubresourceDefinition {
  return { name: 'status', kind, verbs: ['get', 'patch', 'update'] };
}

/** `proxy`: any verb of HTTP. */
export function proxySubresource(kind: 'Pod' | 'Service' | 'Node'): SubresourceDefinition {
  const verbs = ['create', 'delete', 'get', 'patch', 'update'];
  return { name: 'proxy', kind: { group: '', version: 'v1', kind: `${kind}ProxyOptions` }, verbs };
}

export const scaleSubresource: SubresourceDefinition = {
  name: 'scale',
  kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
  verbs: ['get', 'patch', 'update'],
};

/** A field selector's getter over a dotted path of strings, numbers or booleans; absent reads as `absent`. */
export function fieldAt(path: string, absent = ''): (object: KubernetesObject) => string {
  const steps = path.split('.');
  return (object) => {
    let value: unknown = object;
    for (const step of steps) value = (value as Record<string, unknown> | undefined)?.[step];
    return value === undefined || value === null ? absent : String(value);
  };
}
