/** Defaults of Services. In place. Addresses and node ports are not defaults: they are given out with the write. */
import type { Service } from '../../generated/types/core-v1.ts';

const clientIpTimeoutSeconds = 10_800;
export const headless = 'None';

export function setServiceDefaults(service: Service): void {
  const spec = service.spec;
  if (!spec) return;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= clientIpTimeoutSeconds;
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (!port.targetPort) port.targetPort = port.port;
  }
  const outside = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (outside || (spec.externalIPs?.length ?? 0) > 0) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  // The older field and the first of the newer list are one value.
  if (spec.clusterIP && !spec.clusterIPs) spec.clusterIPs = [spec.clusterIP];
}
