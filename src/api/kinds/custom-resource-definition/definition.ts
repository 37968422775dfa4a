/** apiextensions.k8s.io/v1 CustomResourceDefinition: the kind itself. What one brings about is not its business. */
import { createdAtColumn, nameColumn } from '../../table/column.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { customResourceDefinitionStrategy } from './strategy.ts';

const kind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' } as const;

export const customResourceDefinitionDefinition = defineKind({
  ...kind,
  resource: 'customresourcedefinitions',
  namespaced: false,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  schema: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  subresources: [statusSubresource(kind)],
  allColumns: [nameColumn, createdAtColumn],
  strategy: customResourceDefinitionStrategy,
});
