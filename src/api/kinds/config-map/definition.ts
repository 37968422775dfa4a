/** core/v1 ConfigMap. */
import type { ConfigMap } from '../../generated/types/core-v1.ts';
import { column } from '../../table/column.ts';
import { count } from '../../table/format.ts';
import { defineKind } from '../define.ts';
import { configMapStrategy } from './strategy.ts';

export const configMapDefinition = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  resource: 'configmaps',
  namespaced: true,
  shortNames: ['cm'],
  strategy: configMapStrategy,
  columns: [column<ConfigMap>('Data', 'Entries.', ({ data, binaryData }) => count(data) + count(binaryData))],
});
