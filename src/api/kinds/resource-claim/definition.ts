/** resource.k8s.io/v1 ResourceClaim and ResourceClaimTemplate. */
import type { ResourceClaim } from '../../generated/types/resource-v1.ts';
import { column } from '../../table/column.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { resourceClaimStrategy, resourceClaimTemplateStrategy } from './strategy.ts';

const kind = { group: 'resource.k8s.io', version: 'v1', kind: 'ResourceClaim' } as const;

export const resourceClaimDefinition = defineKind({
  ...kind,
  resource: 'resourceclaims',
  namespaced: true,
  subresources: [statusSubresource(kind)],
  strategy: resourceClaimStrategy,
  columns: [column<ResourceClaim>('State', 'Allocated, reserved, or neither.', state)],
});

export const resourceClaimTemplateDefinition = defineKind({
  ...kind,
  kind: 'ResourceClaimTemplate',
  resource: 'resourceclaimtemplates',
  namespaced: true,
  strategy: resourceClaimTemplateStrategy,
});

function state({ metadata, status }: ResourceClaim): string {
  const gone = metadata?.deletionTimestamp !== undefined;
  const reserved = (status?.reservedFor?.length ?? 0) > 0;
  const words = status?.allocation ? ['allocated', ...(reserved ? ['reserved'] : [])] : gone ? [] : ['pending'];
  return [...(gone ? ['deleted'] : []), ...words].join(',');
}
