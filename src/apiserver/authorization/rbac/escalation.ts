/**
 * Nobody gives away what they do not have: who writes a role must hold all its rules (or the verb `escalate` on it), who writes a
 * binding must hold all rules of the role (or the verb `bind` on it). Kubernetes, "Privilege escalation prevention and bootstrapping".
 */
import type { ClusterRole, Role, RoleBinding } from '../../../api/generated/types/rbac-v1.ts';
import type { KubernetesObject } from '../../../api/types.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../../admission/types.ts';
import { forbidden } from '../../errors.ts';
import { identities } from '../../types.ts';
import { type RbacPolicy, rbacGroup } from './policy.ts';
import type { SyncAuthorizer } from './rbac-authorizer.ts';
import { type PolicyRule, uncovered } from './rules.ts';

const fullAuthority: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Most missing rules that a refusal lists. */
const maxListed = 20;

export function escalationCheck(policy: RbacPolicy, authorizer: SyncAuthorizer): AdmissionPlugin {
  return {
    name: 'trimast:RbacEscalation',
    handles: ({ definition, operation }) =>
      definition.group === rbacGroup && (operation === 'CREATE' || operation === 'UPDATE'),
    validate(request) {
      const { definition, user } = request;
      if (user.groups.includes(identities.mastersGroup) || onlyCleanUp(request)) return;
      if (definition.resource === 'roles' || definition.resource === 'clusterroles') {
        if (!may(authorizer, request, 'escalate', definition.resource, request.name)) checkRole(policy, request);
      } else checkBinding(policy, authorizer, request);
    },
  };
}

function checkRole(policy: RbacPolicy, request: AdmissionRequest): void {
  const role = request.object as Role & ClusterRole;
  const old = request.oldObject as ClusterRole | undefined;
  refuseUncovered(policy, request, role.rules ?? []);
  const aggregates = (one: ClusterRole | undefined) => (one?.aggregationRule?.clusterRoleSelectors?.length ?? 0) > 0;
  if (!aggregates(role) && !aggregates(old)) return;
  if (uncovered(policy.rulesFor(request.user, undefined), fullAuthority).length === 0) return;
  throw forbidden(request.definition, request.name, 'must have cluster-admin privileges to use the aggregationRule');
}

function checkBinding(policy: RbacPolicy, authorizer: SyncAuthorizer, request: AdmissionRequest): void {
  const { roleRef } = request.object as KubernetesObject & RoleBinding;
  const resource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  if (may(authorizer, request, 'bind', resource, roleRef.name)) return;
  const rules = policy.rulesOf(roleRef, request.namespace);
  if (!rules) {
    const missing = `${resource}.${rbacGroup} "${roleRef.name}" not found`;
    throw forbidden(request.definition, request.name, missing);
  }
  refuseUncovered(policy, request, rules);
}

function refuseUncovered(policy: RbacPolicy, request: AdmissionRequest, wanted: readonly PolicyRule[]): void {
  const { user } = request;
  const missing = uncovered(policy.rulesFor(user, request.namespace), wanted);
  if (missing.length === 0) return;
  const listed = missing.slice(0, maxListed).map(describe).join('\n');
  const more = missing.length > maxListed ? `\n(and ${missing.length - maxListed} more)` : '';
  throw forbidden(
    request.definition,
    request.name,
    `user ${JSON.stringify(user.name)} (groups=${JSON.stringify(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${listed}${more}`,
  );
}

/** As `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`, the form that kubectl's users know. */
function describe({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: PolicyRule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['ResourceNames', resourceNames],
    ['NonResourceURLs', nonResourceURLs],
    ['Verbs', verbs],
  ];
  return `{${parts.flatMap(([name, values]) => (values ? `${name}:${JSON.stringify(values)}` : [])).join(', ')}}`;
}

function may(
  authorizer: SyncAuthorizer,
  { user, namespace, definition }: AdmissionRequest,
  verb: string,
  resource: string,
  name: string,
): boolean {
  return authorizer.authorize({
    user,
    verb,
    resource: { group: rbacGroup, version: definition.version, resource },
    namespace: namespace || undefined,
    name: name || undefined,
    path: '',
  }).allowed;
}

/** What the garbage collector does: owners and finalizers only. */
function onlyCleanUp({ operation, object, oldObject }: AdmissionRequest): boolean {
  if (operation !== 'UPDATE' || !object || !oldObject) return false;
  const rest = ({ metadata, ...others }: KubernetesObject) => {
    const { ownerReferences, finalizers, managedFields, ...kept } = (metadata ?? {}) as Record<string, unknown>;
    return JSON.stringify({ ...others, metadata: kept });
  };
  return rest(object) === rest(oldObject);
}
