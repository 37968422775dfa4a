/** Columns of the kinds that are only data. */
import type {
  LimitRange,
  PersistentVolume,
  PersistentVolumeClaim,
  ResourceQuota,
} from '../../generated/types/core-v1.ts';
import type { ClusterRole, ClusterRoleBinding } from '../../generated/types/rbac-v1.ts';
import type { PriorityClass } from '../../generated/types/scheduling-v1.ts';
import type { StorageClass } from '../../generated/types/storage-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { unset } from '../../table/format.ts';

const wide = { priority: 1 };
const defaultClass = 'storageclass.kubernetes.io/is-default-class';
const accessModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

const createdAt = column<ClusterRole | LimitRange>(
  'Created At',
  'When it was created.',
  ({ metadata }) => metadata?.creationTimestamp ?? '',
);

export const limitRangeColumns = [nameColumn, createdAt];
export const roleColumns = [nameColumn, createdAt];

export const resourceQuotaColumns = [
  nameColumn,
  column<ResourceQuota>('Request', 'Used, of what may be requested.', (quota) => usage(quota, false)),
  column<ResourceQuota>('Limit', 'Used, of what may be the limit.', (quota) => usage(quota, true)),
  ageColumn,
];

function usage({ status }: ResourceQuota, limits: boolean): string {
  return Object.entries(status?.hard ?? {})
    .filter(([name]) => name.startsWith('limits.') === limits)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? 0}/${hard}`)
    .join(', ');
}

export const persistentVolumeColumns = [
  nameColumn,
  column<PersistentVolume>('Capacity', 'Size.', ({ spec }) => String(spec?.capacity?.storage ?? '')),
  column<PersistentVolume>('Access Modes', 'How it may be mounted.', ({ spec }) => modes(spec?.accessModes)),
  column<PersistentVolume>(
    'Reclaim Policy',
    'What becomes of it.',
    ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? '',
  ),
  column<PersistentVolume>('Status', 'Phase.', ({ metadata, status }) =>
    phase(metadata?.deletionTimestamp, status?.phase),
  ),
  column<PersistentVolume>('Claim', 'Who has it.', ({ spec }) =>
    spec?.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : '',
  ),
  column<PersistentVolume>('StorageClass', 'Its class.', ({ spec }) => spec?.storageClassName ?? ''),
  column<PersistentVolume>(
    'VolumeAttributesClass',
    'Its attributes.',
    ({ spec }) => spec?.volumeAttributesClassName || unset,
  ),
  column<PersistentVolume>('Reason', 'Why it is in its phase.', ({ status }) => status?.reason ?? ''),
  ageColumn,
  column<PersistentVolume>('VolumeMode', 'Filesystem or Block.', ({ spec }) => spec?.volumeMode || unset, wide),
];

export const persistentVolumeClaimColumns = [
  nameColumn,
  column<PersistentVolumeClaim>('Status', 'Phase.', ({ metadata, status }) =>
    phase(metadata?.deletionTimestamp, status?.phase),
  ),
  column<PersistentVolumeClaim>('Volume', 'What it got.', ({ spec }) => spec?.volumeName ?? ''),
  column<PersistentVolumeClaim>('Capacity', 'Size.', ({ spec, status }) =>
    spec?.volumeName ? String(status?.capacity?.storage ?? '') : '',
  ),
  column<PersistentVolumeClaim>('Access Modes', 'How it may be mounted.', ({ spec, status }) =>
    spec?.volumeName ? modes(status?.accessModes) : '',
  ),
  column<PersistentVolumeClaim>('StorageClass', 'Its class.', ({ spec }) => spec?.storageClassName ?? ''),
  column<PersistentVolumeClaim>(
    'VolumeAttributesClass',
    'Its attributes.',
    ({ spec }) => spec?.volumeAttributesClassName || unset,
  ),
  ageColumn,
  column<PersistentVolumeClaim>('VolumeMode', 'Filesystem or Block.', ({ spec }) => spec?.volumeMode || unset, wide),
];

function phase(deletionTimestamp: string | undefined, phase: string | undefined): string {
  return deletionTimestamp ? 'Terminating' : (phase ?? '');
}

function modes(list: readonly string[] | undefined): string {
  return Object.entries(accessModes)
    .filter(([mode]) => list?.includes(mode))
    .map(([, short]) => short)
    .join(',');
}

export const bindingColumns = [
  nameColumn,
  column<ClusterRoleBinding>('Role', 'What is granted.', ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`),
  ageColumn,
  column<ClusterRoleBinding>('Users', 'To which users.', (binding) => subjects(binding, 'User'), wide),
  column<ClusterRoleBinding>('Groups', 'To which groups.', (binding) => subjects(binding, 'Group'), wide),
  column<ClusterRoleBinding>(
    'ServiceAccounts',
    'To which service accounts.',
    (binding) => subjects(binding, 'ServiceAccount'),
    wide,
  ),
];

function subjects({ subjects }: ClusterRoleBinding, kind: string): string {
  return (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');
}

export const priorityClassColumns = [
  nameColumn,
  column<PriorityClass>('Value', 'The priority.', ({ value }) => value ?? 0, { type: 'integer' }),
  column<PriorityClass>('Global-Default', 'For pods without a class.', ({ globalDefault }) => globalDefault ?? false, {
    type: 'boolean',
  }),
  ageColumn,
  column<PriorityClass>(
    'PreemptionPolicy',
    'Whether others are displaced.',
    ({ preemptionPolicy }) => preemptionPolicy ?? '',
  ),
];

export const storageClassColumns = [
  column<StorageClass>(
    'Name',
    'Name of the class; the default one is marked.',
    ({ metadata }) => `${metadata?.name ?? ''}${metadata?.annotations?.[defaultClass] === 'true' ? ' (default)' : ''}`,
    { format: 'name' },
  ),
  column<StorageClass>('Provisioner', 'Who makes the volumes.', ({ provisioner }) => provisioner ?? ''),
  column<StorageClass>('ReclaimPolicy', 'What becomes of them.', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
  column<StorageClass>(
    'VolumeBindingMode',
    'When they are made.',
    ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate',
  ),
  column<StorageClass>(
    'AllowVolumeExpansion',
    'Whether they can grow.',
    ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
  ),
  ageColumn,
];
