/** core/v1 LimitRange. */
import { createdAtColumn, nameColumn } from '../../table/column.ts';
import { defineKind } from '../define.ts';
import { limitRangeStrategy } from './strategy.ts';

export const limitRangeDefinition = defineKind({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  resource: 'limitranges',
  namespaced: true,
  shortNames: ['limits'],
  createOnUpdate: true,
  allColumns: [nameColumn, createdAtColumn],
  strategy: limitRangeStrategy,
});
