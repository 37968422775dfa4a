/** core/v1 ServiceAccount. */
import type { ServiceAccount } from '../../generated/types/core-v1.ts';
import { column } from '../../table/column.ts';
import { defineKind } from '../define.ts';

export const serviceAccountDefinition = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  resource: 'serviceaccounts',
  namespaced: true,
  shortNames: ['sa'],
  columns: [
    column<ServiceAccount>(
      'Secrets',
      'Secrets that pods of this account may use.',
      ({ secrets }) => secrets?.length ?? 0,
    ),
  ],
});
