/**
 * Admission: what a request that writes or connects must pass, and may be completed by. First the plugins that complete the object run, in
 * their order; then it gets its defaults and is validated; then the plugins that only judge run. Each throws an ApiError to refuse.
 */
import type { ResourceDefinition } from '../../api/definition.ts';
import type { GroupVersionKind, KubernetesObject } from '../../api/types.ts';
import type { Compare, Operation } from '../../store/types.ts';
import type { WriteRequestOptions } from '../body.ts';
import type { DeleteRequest } from '../deletion.ts';
import type { UserInfo } from '../types.ts';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionRequest {
  readonly operation: AdmissionOperation;
  readonly definition: ResourceDefinition;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  /** Of a create with generateName the name that was made up. */
  readonly name: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /**
   * Private to the request: changed in place. Absent for DELETE. For a subresource with a body of its own (binding, eviction) and for CONNECT (PodExecOptions)
   * that body, which is of `kind` then.
   */
  readonly object?: KubernetesObject | undefined;
  /** What is stored; shared, not to be changed. Absent for CREATE and CONNECT. */
  readonly oldObject?: KubernetesObject | undefined;
  /** Of `object`, where it is not the definition's. */
  readonly kind?: GroupVersionKind | undefined;
  /** How the client wants it done. */
  readonly options?: WriteRequestOptions | DeleteRequest | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Collects `Warning:` headers. */
  readonly warn?: ((message: string) => void) | undefined;
  /** Collects annotations of the request's audit event. */
  readonly annotate?: ((key: string, value: string) => void) | undefined;
  /** Set by the chain, for plugins that ask others. */
  reinvocation?: Reinvocation | undefined;
  /** Set by a plugin that judges: what is decided together with the write. */
  charge?: Charge | undefined;
}

/** Once something from outside has changed the object, all that complete it have one more look. */
export interface Reinvocation {
  readonly round: 0 | 1;
  wanted: boolean;
}

/** A part of the write's own transaction: it counts only if the object is written, and the object is written only if it holds. */
export interface Charge {
  /** Waits until no other write through this replica is being decided on the same terms. Call the result when the write is over. */
  enter(): Promise<() => void>;
  /** By what is known now; again after each transaction that failed. @throws ApiError Forbidden */
  plan(): Promise<TransactionPart>;
}

export interface TransactionPart {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
}

/** What a request is about, as far as it can be known before there is one. */
export interface AdmissionScope {
  readonly operation: AdmissionOperation;
  readonly definition: ResourceDefinition;
  readonly subresource?: string | undefined;
}

/** A step returns nothing unless it must wait. */
export type AdmissionStep = (request: AdmissionRequest) => void | Promise<void>;

export interface AdmissionPlugin {
  /** Kubernetes' name of it. */
  readonly name: string;
  /** Asked once per scope: requests that it does not concern cost nothing. */
  handles(scope: AdmissionScope): boolean;
  /** Completes the object, or refuses. */
  readonly mutate?: AdmissionStep | undefined;
  /** Judges the object as it will be stored. */
  readonly validate?: AdmissionStep | undefined;
}

export interface AdmissionChain {
  /** @throws ApiError, usually Forbidden */
  readonly mutate: AdmissionStep;
  /** @throws ApiError, usually Forbidden */
  readonly validate: AdmissionStep;
}
