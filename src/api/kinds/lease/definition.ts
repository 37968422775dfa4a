/** coordination.k8s.io/v1 Lease. */
import type { Lease } from '../../generated/types/coordination-v1.ts';
import { column } from '../../table/column.ts';
import { defineKind } from '../define.ts';
import { leaseStrategy } from './strategy.ts';

export const leaseDefinition = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  namespaced: true,
  createOnUpdate: true,
  needsResourceVersion: true,
  strategy: leaseStrategy,
  columns: [column<Lease>('Holder', 'Who holds it.', ({ spec }) => spec?.holderIdentity ?? '')],
});
