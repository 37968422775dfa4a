/** core/v1 Namespace. */
import type { Namespace } from '../../generated/types/core-v1.ts';
import { column } from '../../table/column.ts';
import { defineKind, fieldAt, statusSubresource } from '../define.ts';
import { namespaceStrategy } from './strategy.ts';

const kind = { group: '', version: 'v1', kind: 'Namespace' } as const;

export const namespaceDefinition = defineKind({
  ...kind,
  resource: 'namespaces',
  namespaced: false,
  shortNames: ['ns'],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: [{ name: 'finalize', kind, verbs: ['update'] }, statusSubresource(kind)],
  fieldSelectors: { 'status.phase': fieldAt('status.phase') },
  strategy: namespaceStrategy,
  columns: [column<Namespace>('Status', 'Phase.', ({ status }) => status?.phase ?? '')],
});
