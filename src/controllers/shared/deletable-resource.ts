import type { GroupVersionResource } from '../../api/types.ts';

/** A resource with list, watch and delete: what garbage and namespaces are made of. A kind's `ResourceDefinition` is one. */
export interface DeletableResource extends GroupVersionResource {
  readonly kind: string;
  readonly namespaced: boolean;
}
