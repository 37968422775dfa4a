/** core/v1 Node. */
import { defineKind, fieldAt, proxySubresource, statusSubresource } from '../define.ts';
import { nodeColumns } from './columns.ts';
import { nodeStrategy } from './strategy.ts';

const kind = { group: '', version: 'v1', kind: 'Node' } as const;

export const nodeDefinition = defineKind({
  ...kind,
  resource: 'nodes',
  namespaced: false,
  shortNames: ['no'],
  subresources: [proxySubresource('Node'), statusSubresource(kind)],
  fieldSelectors: { 'spec.unschedulable': fieldAt('spec.unschedulable', 'false') },
  allColumns: nodeColumns,
  strategy: nodeStrategy,
});
