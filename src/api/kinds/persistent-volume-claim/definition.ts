/** core/v1 PersistentVolumeClaim. */
import type { PersistentVolumeClaim } from '../../generated/types/core-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { unset } from '../../table/format.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { shortAccessModes } from '../volume/access-modes.ts';
import { persistentVolumeClaimStrategy } from './strategy.ts';

const kind = { group: '', version: 'v1', kind: 'PersistentVolumeClaim' } as const;
const betaClass = 'volume.beta.kubernetes.io/storage-class';

export const persistentVolumeClaimDefinition = defineKind({
  ...kind,
  resource: 'persistentvolumeclaims',
  namespaced: true,
  shortNames: ['pvc'],
  subresources: [statusSubresource(kind)],
  strategy: persistentVolumeClaimStrategy,
  allColumns: [
    nameColumn,
    column<PersistentVolumeClaim>('Status', 'Phase.', ({ metadata, status }) =>
      metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
    ),
    column<PersistentVolumeClaim>('Volume', 'What it got.', ({ spec }) => spec?.volumeName ?? ''),
    column<PersistentVolumeClaim>('Capacity', 'Size.', ({ spec, status }) =>
      spec?.volumeName ? String(status?.capacity?.storage ?? '0') : '',
    ),
    column<PersistentVolumeClaim>('Access Modes', 'How it may be mounted.', ({ spec, status }) =>
      spec?.volumeName ? shortAccessModes(status?.accessModes) : '',
    ),
    column<PersistentVolumeClaim>(
      'StorageClass',
      'Its class.',
      ({ metadata, spec }) => metadata?.annotations?.[betaClass] ?? spec?.storageClassName ?? '',
    ),
    column<PersistentVolumeClaim>(
      'VolumeAttributesClass',
      'Its attributes.',
      ({ spec }) => spec?.volumeAttributesClassName ?? unset,
    ),
    ageColumn,
    column<PersistentVolumeClaim>('VolumeMode', 'Filesystem or Block.', ({ spec }) => spec?.volumeMode ?? unset, {
      priority: 1,
    }),
  ],
});
