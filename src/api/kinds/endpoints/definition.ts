/** core/v1 Endpoints and discovery.k8s.io/v1 EndpointSlice. */
import { defineKind } from '../define.ts';
import { endpointSliceColumns, endpointsColumns } from './columns.ts';
import { endpointSliceStrategy, endpointsStrategy } from './strategy.ts';

export const endpointsDefinition = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  resource: 'endpoints',
  namespaced: true,
  shortNames: ['ep'],
  createOnUpdate: true,
  columns: endpointsColumns,
  strategy: endpointsStrategy,
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
});

export const endpointSliceDefinition = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  resource: 'endpointslices',
  namespaced: true,
  columns: endpointSliceColumns,
  strategy: endpointSliceStrategy,
});
