/** coordination.k8s.io/v1 Lease. */
import { defineKind } from '../define.ts';
import { leaseStrategy } from './strategy.ts';

export const leaseDefinition = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  namespaced: true,
  strategy: leaseStrategy,
});
