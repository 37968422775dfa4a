/** core/v1 Secret. */
import type { Secret } from '../../generated/types/core-v1.ts';
import { column } from '../../table/column.ts';
import { count } from '../../table/format.ts';
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
  columns: [
    column<Secret>('Type', 'What it holds.', ({ type }) => type ?? ''),
    column<Secret>('Data', 'Entries.', ({ data }) => count(data)),
  ],
});
