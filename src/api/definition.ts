/** A kind is data plus a strategy. The generic path in `src/apiserver` knows no kind; it knows this. */
import type { CustomKind } from './custom-resources/custom-kind.ts';
import type { StatusCause } from './status.ts';
import type { GroupVersionKind, GroupVersionResource, KubernetesObject } from './types.ts';

/** One cell of a server-printed table (`meta.k8s.io/v1 Table`). `nowMs` is wall clock, for ages. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` for the object's name, else empty. */
  readonly format?: string | undefined;
  readonly description: string;
  /** 0: always shown; more: only with `-o wide`. */
  readonly priority: number;
  cell(object: KubernetesObject, nowMs: number): string | number | boolean | null;
}

export interface SubresourceDefinition {
  readonly name: string;
  /** As discovery tells it; for `scale` autoscaling/v1 Scale, for `binding` v1 Binding, for `eviction` policy/v1 Eviction. */
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
}

/** A `StatusCause` in the making: `field` is a path such as `spec.containers[0].image`. */
export interface FieldError extends StatusCause {
  reason: string;
  message: string;
  field: string;
}

/** Who writes, and when: the few kinds that record it (certificate requests, conditions) read it here. */
export interface StrategyContext {
  readonly user: {
    readonly name: string;
    readonly uid?: string | undefined;
    readonly groups: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
  };
  readonly nowMs: number;
}

/** A subresource of a kind's own that shows the whole object and lets a part of it change (`approval`). */
export interface SubresourceStrategy {
  /** Keeps from `old` what this endpoint may not change; in place. */
  prepareForUpdate(object: KubernetesObject, old: KubernetesObject, context: StrategyContext): void;
  /** Instead of the kind's own `validate` and `validateUpdate`. */
  validateUpdate(object: KubernetesObject, old: KubernetesObject): FieldError[];
}

/**
 * What is particular about a kind. Objects given in are private copies of the caller and may be changed in place where said so.
 * All functions are pure but for that; time comes in where needed.
 */
export interface Strategy {
  /** Fills what upstream's defaulting fills, in place. Runs on create, update and patch, before validation. */
  setDefaults?(object: KubernetesObject): void;
  /** Drops what a client may not set (usually status), sets the first generation; in place. */
  prepareForCreate?(object: KubernetesObject, context: StrategyContext): void;
  /** Keeps what this path may not change (usually status) from `old`, moves the generation when the spec changed; in place. */
  prepareForUpdate?(object: KubernetesObject, old: KubernetesObject, context: StrategyContext): void;
  /** The same for the status subresource: everything but status stays as in `old`; in place. */
  prepareForStatusUpdate?(object: KubernetesObject, old: KubernetesObject, context: StrategyContext): void;
  /** Beyond the schema and ObjectMeta, which the generic path checks. */
  validate?(object: KubernetesObject): FieldError[];
  /** What is wrong only in a new object; beside `validate`. */
  validateCreate?(object: KubernetesObject): FieldError[];
  validateUpdate?(object: KubernetesObject, old: KubernetesObject): FieldError[];
  /** Of a change through the status subresource. Absent: `validate` and `validateUpdate`. */
  validateStatusUpdate?(object: KubernetesObject, old: KubernetesObject): FieldError[];
  /** What a client should hear of (`Warning:` headers) about a valid object; `old` is absent for a new one. */
  warnings?(object: KubernetesObject, old: KubernetesObject | undefined): string[];
  /** Subresources that are views of the object, beside `status`. */
  readonly subresources?: Readonly<Record<string, SubresourceStrategy>>;
  /** Name rule; default DNS-1123 subdomain. Returns what is wrong, or undefined. */
  validateName?(name: string): string | undefined;
  /** Notes on the object what must be done before it goes (finalizers, conditions); in place, when deletion is asked for the first time. */
  prepareForDeletion?(object: KubernetesObject, nowMs: number): void;
  /**
   * Seconds of graceful deletion: the object stays with a deletionTimestamp until its node (or a controller) removes it with grace 0.
   * 0 or absent: removed at once (finalizers aside).
   */
  gracePeriodSeconds?(object: KubernetesObject, requested: number | undefined): number;
}

/**
 * Of a kind that is another version of one that is stored: the one stored form of both. Clients see the served form; strategy and field
 * selectors work on the stored one.
 */
export interface StoredForm extends GroupVersionResource, GroupVersionKind {
  /** The result may share parts with `object`, which is not changed. */
  toStored(object: KubernetesObject): KubernetesObject;
  /** The reverse of `toStored`, under the same terms. */
  fromStored(object: KubernetesObject): KubernetesObject;
}

export interface ResourceDefinition extends GroupVersionResource {
  readonly kind: string;
  readonly listKind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Definition name in `generated/schemas.json`. */
  readonly schema: string;
  readonly verbs: readonly string[];
  readonly subresources: readonly SubresourceDefinition[];
  /** Name comes first, Age last as upstream prints them. */
  readonly columns: readonly Column[];
  /** Beyond metadata.name and metadata.namespace. */
  readonly fieldSelectors: Readonly<Record<string, (object: KubernetesObject) => string>>;
  readonly strategy: Strategy;
  /** Absent: stored as served. */
  readonly stored?: StoredForm | undefined;
  /** A PUT to a name that does not exist creates it. */
  readonly createOnUpdate?: boolean | undefined;
  /** A PUT must say which version it replaces. */
  readonly needsResourceVersion?: boolean | undefined;
  /** What becomes of dependents when a DELETE does not say; absent: Background. */
  readonly orphansByDefault?: boolean | undefined;
  /** Sent as a `Warning:` with every answer about a kind that is on its way out. */
  readonly deprecation?: string | undefined;
  /** Of a kind that a CustomResourceDefinition declares. */
  readonly custom?: CustomKind | undefined;
}

export interface KindRegistry {
  /** Changes with every change of what is served; absent: nothing ever changes. */
  readonly generation?: number;
  readonly definitions: readonly ResourceDefinition[];
  find(resource: GroupVersionResource): ResourceDefinition | undefined;
  findKind(kind: {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }): ResourceDefinition | undefined;
}
