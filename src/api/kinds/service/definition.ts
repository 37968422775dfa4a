/** core/v1 Service. */
import { defineKind, fieldAt, proxySubresource, statusSubresource } from '../define.ts';
import { serviceColumns } from './columns.ts';
import { serviceStrategy } from './strategy.ts';

const kind = { group: '', version: 'v1', kind: 'Service' } as const;

export const serviceDefinition = defineKind({
  ...kind,
  resource: 'services',
  namespaced: true,
  shortNames: ['svc'],
  categories: ['all'],
  createOnUpdate: true,
  subresources: [proxySubresource('Service'), statusSubresource(kind)],
  fieldSelectors: { 'spec.clusterIP': fieldAt('spec.clusterIP'), 'spec.type': fieldAt('spec.type') },
  allColumns: serviceColumns,
  strategy: serviceStrategy,
});
