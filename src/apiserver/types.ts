/** The generic path: what REST, gRPC, the dispatcher and the in-process client all call. */
import type { GroupVersionResource } from '../api/types.ts';

export interface UserInfo {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** Who asks, and the bounds of the asking. Travels through every call. */
export interface RequestContext {
  readonly user: UserInfo;
  readonly signal?: AbortSignal | undefined;
  /** Set for leader loops: the write is refused under any other Raft term. */
  readonly fenceTerm?: number | undefined;
  /** Collects `Warning:` headers. */
  readonly warn?: ((message: string) => void) | undefined;
  /** Collects annotations of the request's audit event. */
  readonly annotate?: ((key: string, value: string) => void) | undefined;
}

/** What authorization decides on. Verbs are Kubernetes' (get, list, watch, create, update, patch, delete, deletecollection). */
export interface Attributes {
  readonly user: UserInfo;
  readonly verb: string;
  /** Absent for paths that are no resource (`/version`). */
  readonly resource?: GroupVersionResource | undefined;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** Of a list, watch or deletecollection, as sent. */
  readonly fieldSelector?: string | undefined;
  readonly path: string;
}

export type Decision =
  | { readonly allowed: true }
  /** `final`: nobody else is asked. */
  | { readonly allowed: false; readonly reason: string; readonly final?: boolean };

export interface Authorizer {
  authorize(attributes: Attributes): Decision | Promise<Decision>;
}

/** Well-known identities; certificates carry them as common name and organizations. */
export const identities = {
  mastersGroup: 'system:masters',
  nodesGroup: 'system:nodes',
  nodeUserPrefix: 'system:node:',
  /** Organization of a master's own certificate: the only one that may speak on the Raft port. */
  peersOrganization: 'trimast:masters',
  authenticatedGroup: 'system:authenticated',
  unauthenticatedGroup: 'system:unauthenticated',
} as const;
