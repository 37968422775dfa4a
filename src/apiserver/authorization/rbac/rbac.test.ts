import { beforeEach, expect, test } from 'vitest';
import { encodeForStorage } from '../../../api/storage-codec.ts';
import { createMemoryStore } from '../../../store/testing/memory-proposer.ts';
import type { Store } from '../../../store/types.ts';
import { objectKey } from '../../keys.ts';
import type { Attributes } from '../../types.ts';
import { defaultPolicy, planPolicy, policyObject } from './default-policy.ts';
import { RbacPolicy, rbacResources } from './policy.ts';
import { rbacAuthorizer } from './rbac-authorizer.ts';
import { type PolicyRule, uncovered } from './rules.ts';

let store: Store;
let policy: RbacPolicy;

beforeEach(() => {
  ({ store } = createMemoryStore());
  policy = new RbacPolicy(store);
});

const resourceOf = {
  ClusterRole: rbacResources.clusterRoles,
  Role: rbacResources.roles,
  ClusterRoleBinding: rbacResources.clusterRoleBindings,
  RoleBinding: rbacResources.roleBindings,
} as const;

async function put(kind: keyof typeof resourceOf, name: string, fields: object, namespace?: string): Promise<void> {
  const key = objectKey(resourceOf[kind], namespace, name);
  const value = encodeForStorage({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name, namespace },
    ...fields,
  });
  await store.transact({ compare: [], success: [{ type: 'put', key, value }] });
}

async function putDefaults(): Promise<void> {
  const success = defaultPolicy().map((entry) => {
    const key = objectKey(resourceOf[entry.kind], entry.namespace, entry.name);
    return { type: 'put', key, value: encodeForStorage(policyObject(entry)) } as const;
  });
  await store.transact({ compare: [], success });
}

function asks(user: string, verb: string, what: string, rest: Partial<Attributes> = {}): boolean {
  const [resource = '', subresource] = what.split('/');
  const named = what.startsWith('/')
    ? { path: what }
    : { resource: { group: '', version: 'v1', resource }, subresource, path: '' };
  const attributes = { user: { name: user, groups: ['system:authenticated'] }, verb, ...named, ...rest };
  return rbacAuthorizer(policy).authorize(attributes).allowed;
}

const readPods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'pods/log'] };
const ann = [{ kind: 'User', name: 'ann' }];

test('a cluster role counts everywhere when bound to the cluster, in one namespace when bound there', async () => {
  await put('ClusterRole', 'reader', { rules: [readPods] });
  await put('RoleBinding', 'b', { roleRef: { kind: 'ClusterRole', name: 'reader' }, subjects: ann }, 'one');
  expect(asks('ann', 'get', 'pods', { namespace: 'one' })).toBe(true);
  expect(asks('ann', 'get', 'pods', { namespace: 'two' })).toBe(false);
  expect(asks('ann', 'list', 'pods')).toBe(false);
  await put('ClusterRoleBinding', 'b', { roleRef: { kind: 'ClusterRole', name: 'reader' }, subjects: ann });
  expect(asks('ann', 'list', 'pods')).toBe(true);
  expect(asks('ann', 'get', 'pods', { namespace: 'two' })).toBe(true);
  expect(asks('bob', 'get', 'pods', { namespace: 'two' })).toBe(false);
});

test('what a rule matches', async () => {
  const rules: PolicyRule[] = [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*/scale'] },
    { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'] },
    { verbs: ['get'], nonResourceURLs: ['/healthz', '/logs/*'] },
    readPods,
  ];
  await put('ClusterRole', 'r', { rules });
  await put('ClusterRoleBinding', 'b', { roleRef: { kind: 'ClusterRole', name: 'r' }, subjects: ann });
  expect(asks('ann', 'update', 'deployments/scale')).toBe(true);
  expect(asks('ann', 'update', 'deployments')).toBe(false);
  expect(asks('ann', 'get', 'pods/log')).toBe(true);
  expect(asks('ann', 'get', 'pods/exec')).toBe(false);
  expect(asks('ann', 'get', 'secrets', { name: 'mine' })).toBe(true);
  expect(asks('ann', 'get', 'secrets', { name: 'yours' })).toBe(false);
  expect(asks('ann', 'get', 'secrets')).toBe(false);
  expect(asks('ann', 'get', '/healthz')).toBe(true);
  expect(asks('ann', 'get', '/healthz/more')).toBe(false);
  expect(asks('ann', 'get', '/logs/a/b')).toBe(true);
  expect(asks('ann', 'post', '/logs/a/b')).toBe(false);
});

test('a collection selected by name counts as that name', async () => {
  const rules = [{ verbs: ['list'], apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'] }];
  await put('ClusterRole', 'r', { rules });
  await put('ClusterRoleBinding', 'b', { roleRef: { kind: 'ClusterRole', name: 'r' }, subjects: ann });
  expect(asks('ann', 'list', 'secrets', { fieldSelector: 'metadata.name=mine' })).toBe(true);
  expect(asks('ann', 'list', 'secrets', { fieldSelector: 'metadata.name=yours' })).toBe(false);
  expect(asks('ann', 'list', 'secrets', { fieldSelector: 'metadata.name!=mine' })).toBe(false);
});

test('groups and service accounts are subjects, of the binding namespace by default', async () => {
  await put('Role', 'r', { rules: [readPods] }, 'one');
  const subjects = [
    { kind: 'Group', name: 'devs' },
    { kind: 'ServiceAccount', name: 'robot' },
  ];
  await put('RoleBinding', 'b', { roleRef: { kind: 'Role', name: 'r' }, subjects }, 'one');
  expect(asks('system:serviceaccount:one:robot', 'get', 'pods', { namespace: 'one' })).toBe(true);
  expect(asks('system:serviceaccount:two:robot', 'get', 'pods', { namespace: 'one' })).toBe(false);
  const dev = { name: 'zoe', groups: ['devs'] };
  expect(asks('zoe', 'get', 'pods', { namespace: 'one', user: dev })).toBe(true);
});

test('the index follows changes and deletions, and names a role that is missing', async () => {
  const roleRef = { kind: 'ClusterRole', name: 'r' };
  await put('ClusterRoleBinding', 'b', { roleRef, subjects: ann });
  const attributes = { user: { name: 'ann', groups: [] }, verb: 'get', path: '/x' };
  expect(rbacAuthorizer(policy).authorize(attributes)).toEqual({
    allowed: false,
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found',
  });
  await put('ClusterRole', 'r', { rules: [readPods] });
  expect(asks('ann', 'get', 'pods')).toBe(true);
  await put('ClusterRoleBinding', 'b', { roleRef, subjects: [{ kind: 'User', name: 'bob' }] });
  expect(asks('ann', 'get', 'pods')).toBe(false);
  expect(asks('bob', 'get', 'pods')).toBe(true);
  const key = objectKey(rbacResources.clusterRoleBindings, undefined, 'b');
  await store.transact({ compare: [], success: [{ type: 'delete', key }] });
  expect(asks('bob', 'get', 'pods')).toBe(false);
});

test('coverage of rules: what is not held is named piece by piece', () => {
  expect(uncovered([readPods], [{ verbs: ['get'], apiGroups: [''], resources: ['pods/log'] }])).toEqual([]);
  expect(uncovered([readPods], [{ verbs: ['get', 'watch'], apiGroups: [''], resources: ['pods'] }])).toEqual([
    { verbs: ['watch'], apiGroups: [''], resources: ['pods'] },
  ]);
  // A rule for some names does not cover one for all, nor two rules a star.
  const some: PolicyRule = { ...readPods, resourceNames: ['a', 'b'] };
  expect(uncovered([some], [readPods])).toHaveLength(4);
  expect(uncovered([readPods], [some])).toEqual([]);
  expect(uncovered([readPods], [{ verbs: ['*'], apiGroups: [''], resources: ['pods'] }])).toHaveLength(1);
  expect(
    uncovered([{ verbs: ['*'], nonResourceURLs: ['/a/*'] }], [{ verbs: ['get'], nonResourceURLs: ['/a/b', '/c'] }]),
  ).toEqual([{ verbs: ['get'], nonResourceURLs: ['/c'] }]);
});

test('default roles: everybody may discover, the unknown only see versions and health', async () => {
  await putDefaults();
  expect(asks('ann', 'get', '/apis/apps/v1')).toBe(true);
  expect(asks('ann', 'get', '/metrics')).toBe(false);
  const anonymous = { user: { name: 'system:anonymous', groups: ['system:unauthenticated'] } };
  expect(asks('', 'get', '/version', anonymous)).toBe(true);
  expect(asks('', 'get', '/readyz', anonymous)).toBe(true);
  expect(asks('', 'get', '/api', anonymous)).toBe(false);
});

test('default policy: what is missing is added, what was added by hand is left, autoupdate=false is respected', () => {
  const role = policyObject({ kind: 'ClusterRole', name: 'r', rules: [readPods] });
  expect(planPolicy(role, undefined)).toEqual({ type: 'create', object: role });
  expect(planPolicy(role, role)).toBeUndefined();
  const more = { verbs: ['get'], apiGroups: [''], resources: ['nodes'] };
  const changed = { ...role, rules: [{ ...readPods, verbs: ['get'] }, more] };
  const step = planPolicy(role, changed);
  expect(step?.type).toBe('update');
  expect(step?.object.rules?.[1]).toEqual(more);
  expect(uncovered(step!.object.rules!, [readPods])).toEqual([]);
  const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
  expect(planPolicy(role, { ...changed, metadata: { ...role.metadata, annotations } })).toBeUndefined();

  const binding = policyObject({
    kind: 'ClusterRoleBinding',
    name: 'b',
    roleRef: { kind: 'ClusterRole', name: 'r' },
    subjects: ann,
  });
  expect(planPolicy(binding, { ...binding, subjects: [] })?.object.subjects).toEqual(ann);
  const other = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'other' };
  expect(planPolicy(binding, { ...binding, roleRef: other })?.type).toBe('replace');
});
