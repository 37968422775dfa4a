/** apps/v1 Deployment. */
import { defineKind, scaleSubresource, statusSubresource } from '../define.ts';
import { deploymentColumns } from './columns.ts';
import { deploymentStrategy } from './strategy.ts';

const kind = { group: 'apps', version: 'v1', kind: 'Deployment' } as const;

export const deploymentDefinition = defineKind({
  ...kind,
  resource: 'deployments',
  namespaced: true,
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: [scaleSubresource, statusSubresource(kind)],
  allColumns: deploymentColumns,
  strategy: deploymentStrategy,
});
