/**
 * Admission: what a write must pass, and may be completed by, between decoding and validation.
 * Each plugin is a function over the object and what is known about the request; it changes the object in place or throws an ApiError.
 */
import type { ResourceDefinition } from '../../api/definition.ts';
import type { KubernetesObject } from '../../api/types.ts';
import type { UserInfo } from '../types.ts';

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly definition: ResourceDefinition;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  /** Empty for a create with generateName. */
  readonly name: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** Private to the request: may be changed. Absent for DELETE. For a subresource with a body of its own (binding), that body. */
  readonly object?: KubernetesObject | undefined;
  /** What is stored; shared, not to be changed. Absent for CREATE. */
  readonly oldObject?: KubernetesObject | undefined;
}

export type AdmissionPlugin = (request: AdmissionRequest) => void;

export interface AdmissionChain {
  /** @throws ApiError, usually Forbidden */
  admit(request: AdmissionRequest): void;
}

export function createAdmissionChain(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  return {
    admit(request) {
      for (const plugin of plugins) plugin(request);
    },
  };
}
