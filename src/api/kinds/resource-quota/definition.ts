/** core/v1 ResourceQuota. */
import type { ResourceQuota } from '../../generated/types/core-v1.ts';
import { column } from '../../table/column.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { resourceQuotaStrategy } from './strategy.ts';

const kind = { group: '', version: 'v1', kind: 'ResourceQuota' } as const;

export const resourceQuotaDefinition = defineKind({
  ...kind,
  resource: 'resourcequotas',
  namespaced: true,
  shortNames: ['quota'],
  subresources: [statusSubresource(kind)],
  strategy: resourceQuotaStrategy,
  columns: [
    column<ResourceQuota>('Request', 'Used, of what may be requested.', (quota) => usage(quota, false)),
    column<ResourceQuota>('Limit', 'Used, of what may be the limit.', (quota) => usage(quota, true)),
  ],
});

function usage({ status }: ResourceQuota, limits: boolean): string {
  return Object.entries(status?.hard ?? {})
    .filter(([name]) => name.startsWith('limits.') === limits)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? 0}/${hard}`)
    .join(', ');
}
