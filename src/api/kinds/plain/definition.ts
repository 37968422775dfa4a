/**
 * Kinds that are only data here: stored, listed, watched and described, with next to no strategy. Nothing acts on
 * them (no quota is enforced, no volume provisioned, no rule evaluated) until the part that does so exists.
 */
import { defineKind, statusSubresource } from '../define.ts';
import { statusApart } from '../strategy.ts';
import {
  bindingColumns,
  limitRangeColumns,
  persistentVolumeClaimColumns,
  persistentVolumeColumns,
  priorityClassColumns,
  resourceQuotaColumns,
  roleColumns,
  storageClassColumns,
} from './columns.ts';
import { limitRangeStrategy } from './limit-range.ts';
import {
  bindingStrategy,
  persistentVolumeClaimStrategy,
  persistentVolumeStrategy,
  priorityClassStrategy,
  roleStrategy,
  storageClassStrategy,
} from './strategies.ts';

const core = { group: '', version: 'v1' } as const;
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const;

export const plainDefinitions = [
  defineKind({
    ...core,
    kind: 'LimitRange',
    allColumns: limitRangeColumns,
    strategy: limitRangeStrategy,
    resource: 'limitranges',
    namespaced: true,
    shortNames: ['limits'],
  }),
  defineKind({
    ...core,
    kind: 'ResourceQuota',
    allColumns: resourceQuotaColumns,
    strategy: statusApart,
    resource: 'resourcequotas',
    namespaced: true,
    shortNames: ['quota'],
    subresources: [statusSubresource({ ...core, kind: 'ResourceQuota' })],
  }),
  defineKind({
    ...core,
    kind: 'PersistentVolume',
    allColumns: persistentVolumeColumns,
    strategy: persistentVolumeStrategy,
    resource: 'persistentvolumes',
    namespaced: false,
    shortNames: ['pv'],
    subresources: [statusSubresource({ ...core, kind: 'PersistentVolume' })],
  }),
  defineKind({
    ...core,
    kind: 'PersistentVolumeClaim',
    allColumns: persistentVolumeClaimColumns,
    strategy: persistentVolumeClaimStrategy,
    resource: 'persistentvolumeclaims',
    namespaced: true,
    shortNames: ['pvc'],
    subresources: [statusSubresource({ ...core, kind: 'PersistentVolumeClaim' })],
  }),
  defineKind({
    ...rbac,
    kind: 'ClusterRoleBinding',
    allColumns: bindingColumns,
    resource: 'clusterrolebindings',
    namespaced: false,
    strategy: bindingStrategy,
  }),
  defineKind({
    ...rbac,
    kind: 'ClusterRole',
    allColumns: roleColumns,
    resource: 'clusterroles',
    namespaced: false,
    strategy: roleStrategy,
  }),
  defineKind({
    ...rbac,
    kind: 'RoleBinding',
    allColumns: bindingColumns,
    resource: 'rolebindings',
    namespaced: true,
    strategy: bindingStrategy,
  }),
  defineKind({
    ...rbac,
    kind: 'Role',
    allColumns: roleColumns,
    resource: 'roles',
    namespaced: true,
    strategy: roleStrategy,
  }),
  defineKind({
    group: 'scheduling.k8s.io',
    version: 'v1',
    kind: 'PriorityClass',
    allColumns: priorityClassColumns,
    strategy: priorityClassStrategy,
    resource: 'priorityclasses',
    namespaced: false,
    shortNames: ['pc'],
  }),
  defineKind({
    group: 'storage.k8s.io',
    version: 'v1',
    kind: 'StorageClass',
    allColumns: storageClassColumns,
    strategy: storageClassStrategy,
    resource: 'storageclasses',
    namespaced: false,
    shortNames: ['sc'],
  }),
];
