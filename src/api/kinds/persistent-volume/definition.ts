/** core/v1 PersistentVolume. */
import type { PersistentVolume } from '../../generated/types/core-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { unset } from '../../table/format.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { shortAccessModes } from '../volume/access-modes.ts';
import { persistentVolumeStrategy } from './strategy.ts';

const kind = { group: '', version: 'v1', kind: 'PersistentVolume' } as const;
const betaClass = 'volume.beta.kubernetes.io/storage-class';

export const persistentVolumeDefinition = defineKind({
  ...kind,
  resource: 'persistentvolumes',
  namespaced: false,
  shortNames: ['pv'],
  subresources: [statusSubresource(kind)],
  strategy: persistentVolumeStrategy,
  allColumns: [
    nameColumn,
    column<PersistentVolume>('Capacity', 'Size.', ({ spec }) => String(spec?.capacity?.storage ?? '0')),
    column<PersistentVolume>('Access Modes', 'How it may be mounted.', ({ spec }) =>
      shortAccessModes(spec?.accessModes),
    ),
    column<PersistentVolume>(
      'Reclaim Policy',
      'What becomes of it.',
      ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? '',
    ),
    column<PersistentVolume>('Status', 'Phase.', ({ metadata, status }) =>
      metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
    ),
    column<PersistentVolume>('Claim', 'Who has it.', ({ spec }) =>
      spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '',
    ),
    column<PersistentVolume>(
      'StorageClass',
      'Its class.',
      ({ metadata, spec }) => metadata?.annotations?.[betaClass] ?? spec?.storageClassName ?? '',
    ),
    column<PersistentVolume>(
      'VolumeAttributesClass',
      'Its attributes.',
      ({ spec }) => spec?.volumeAttributesClassName ?? unset,
    ),
    column<PersistentVolume>('Reason', 'Why it is in its phase.', ({ status }) => status?.reason ?? ''),
    ageColumn,
    column<PersistentVolume>('VolumeMode', 'Filesystem or Block.', ({ spec }) => spec?.volumeMode ?? unset, {
      priority: 1,
    }),
  ],
});
