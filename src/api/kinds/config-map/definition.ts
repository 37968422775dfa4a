/** core/v1 ConfigMap. */
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
});
