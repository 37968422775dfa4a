/** core/v1 Secret. */
import { defineKind, fieldAt } from '../define.ts';
import { secretStrategy } from './strategy.ts';

export const secretDefinition = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  resource: 'secrets',
  namespaced: true,
  fieldSelectors: { type: fieldAt('type') },
  strategy: secretStrategy,
});
