/** apps/v1 ReplicaSet. */
import { defineKind, fieldAt, scaleSubresource, statusSubresource } from '../define.ts';
import { replicaSetColumns } from './columns.ts';
import { replicaSetStrategy } from './strategy.ts';

const kind = { group: 'apps', version: 'v1', kind: 'ReplicaSet' } as const;

export const replicaSetDefinition = defineKind({
  ...kind,
  resource: 'replicasets',
  namespaced: true,
  shortNames: ['rs'],
  categories: ['all'],
  subresources: [scaleSubresource, statusSubresource(kind)],
  fieldSelectors: { 'status.replicas': fieldAt('status.replicas', '0') },
  allColumns: replicaSetColumns,
  strategy: replicaSetStrategy,
});
