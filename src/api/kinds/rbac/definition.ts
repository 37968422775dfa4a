/** rbac.authorization.k8s.io/v1: Role, ClusterRole, RoleBinding, ClusterRoleBinding. */
import type { ClusterRoleBinding, RoleBinding } from '../../generated/types/rbac-v1.ts';
import { ageColumn, column, createdAtColumn, nameColumn } from '../../table/column.ts';
import { defineKind } from '../define.ts';
import { bindingStrategy, roleStrategy } from './strategy.ts';

type Binding = RoleBinding | ClusterRoleBinding;

const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', createOnUpdate: true } as const;
const wide = { priority: 1 };
const roleColumns = [nameColumn, createdAtColumn];

const bindingColumns = [
  nameColumn,
  column<Binding>('Role', 'What is granted.', ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`),
  ageColumn,
  column<Binding>('Users', 'To which users.', (binding) => subjects(binding, 'User'), wide),
  column<Binding>('Groups', 'To which groups.', (binding) => subjects(binding, 'Group'), wide),
  column<Binding>(
    'ServiceAccounts',
    'To which service accounts.',
    (binding) => subjects(binding, 'ServiceAccount'),
    wide,
  ),
];

function subjects({ subjects }: Binding, kind: string): string {
  return (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');
}

export const roleDefinition = defineKind({
  ...rbac,
  kind: 'Role',
  resource: 'roles',
  namespaced: true,
  allColumns: roleColumns,
  strategy: roleStrategy(true),
});

export const clusterRoleDefinition = defineKind({
  ...rbac,
  kind: 'ClusterRole',
  resource: 'clusterroles',
  namespaced: false,
  allColumns: roleColumns,
  strategy: roleStrategy(false),
});

export const roleBindingDefinition = defineKind({
  ...rbac,
  kind: 'RoleBinding',
  resource: 'rolebindings',
  namespaced: true,
  allColumns: bindingColumns,
  strategy: bindingStrategy(true),
});

export const clusterRoleBindingDefinition = defineKind({
  ...rbac,
  kind: 'ClusterRoleBinding',
  resource: 'clusterrolebindings',
  namespaced: false,
  allColumns: bindingColumns,
  strategy: bindingStrategy(false),
});
