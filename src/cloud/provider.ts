/** What a cloud does for a cluster. The bare-metal provider is one; a cloud's own controller would implement the same. */
import type { LoadBalancerIngress, Node, Service } from '../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../api/generated/types/discovery-v1.ts';

export interface CloudProvider {
  readonly name: string;
  /** `spec.loadBalancerClass` of the Services that are this provider's beside those without a class. */
  readonly loadBalancerClass: string;
  readonly loadBalancers: LoadBalancers;
}

/** All calls for one cluster come one after the other. */
export interface LoadBalancers {
  /**
   * Level-based: called again whenever the Service, its endpoints or the nodes change, and after a failure.
   * @throws CloudError what the user should hear
   */
  ensure(service: Service, surroundings: Surroundings): Promise<LoadBalancer>;
  /** The Service is gone, or is no load balancer any more. Called again after a failure. `key`: `namespace/name` */
  release(key: string): Promise<void>;
}

export interface LoadBalancer {
  readonly ingress: readonly LoadBalancerIngress[];
  /** Kept on the Service as long as it has the load balancer. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Surroundings {
  readonly nodes: readonly Node[];
  /** Of the Service. */
  readonly endpointSlices: readonly EndpointSlice[];
  /** All Services as they are known. */
  readonly services: readonly Service[];
}

export class CloudError extends Error {
  override readonly name = 'CloudError';
}
