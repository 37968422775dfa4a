/**
 * The roles and bindings that every cluster starts with, and how they are kept: what is missing is added again whenever a master begins
 * to lead, unless an object says `rbac.authorization.kubernetes.io/autoupdate: "false"` (Kubernetes, "Auto-reconciliation").
 */
import { readFileSync } from 'node:fs';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  RoleBinding,
  Subject,
} from '../../../api/generated/types/rbac-v1.ts';
import { isReason } from '../../../api/status.ts';
import type { GroupVersionResource } from '../../../api/types.ts';
import type { ApiClient } from '../../../client/types.ts';
import { rbacGroup, rbacResources } from './policy.ts';
import { uncovered } from './rules.ts';

/** One line of default-policy.json, which tools/kinds/generate-rbac.ts writes. */
export interface DefaultPolicyObject {
  readonly kind: 'ClusterRole' | 'Role' | 'ClusterRoleBinding' | 'RoleBinding';
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly aggregationRule?: ClusterRole['aggregationRule'];
  readonly rules?: PolicyRule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: Subject[];
}

type PolicyObject = Omit<ClusterRole, 'rules'> &
  Omit<Partial<ClusterRoleBinding>, 'metadata'> & { rules?: PolicyRule[] };

const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';
const bootstrapLabel = 'kubernetes.io/bootstrapping';
const maxAttempts = 5;

const resourceOf: Readonly<Record<DefaultPolicyObject['kind'], GroupVersionResource>> = {
  ClusterRole: rbacResources.clusterRoles,
  Role: rbacResources.roles,
  ClusterRoleBinding: rbacResources.clusterRoleBindings,
  RoleBinding: rbacResources.roleBindings,
};

export function defaultPolicy(): readonly DefaultPolicyObject[] {
  return JSON.parse(readFileSync(new URL('./default-policy.json', import.meta.url), 'utf8'));
}

export function policyObject(entry: DefaultPolicyObject): PolicyObject {
  const { kind, name, namespace, labels, aggregationRule, rules, roleRef, subjects } = entry;
  const isRole = kind === 'Role' || kind === 'ClusterRole';
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind,
    metadata: {
      name,
      ...(namespace && { namespace }),
      labels: { [bootstrapLabel]: 'rbac-defaults', ...labels },
      annotations: { [autoUpdate]: 'true' },
    },
    ...(aggregationRule && { aggregationRule }),
    ...(isRole && { rules: rules ?? [] }),
    ...(roleRef && { roleRef: { apiGroup: rbacGroup, ...roleRef } }),
    ...(subjects && { subjects }),
  };
}

/** What to do so that `current` gives at least what `wanted` gives. Pure. */
export type PolicyStep =
  | { readonly type: 'create' | 'update'; readonly object: PolicyObject }
  /** A binding's role cannot be changed. */
  | { readonly type: 'replace'; readonly object: PolicyObject };

export function planPolicy(wanted: PolicyObject, current: PolicyObject | undefined): PolicyStep | undefined {
  if (!current) return { type: 'create', object: wanted };
  if (current.metadata?.annotations?.[autoUpdate] === 'false') return undefined;
  if (wanted.roleRef) {
    const same = current.roleRef?.kind === wanted.roleRef.kind && current.roleRef.name === wanted.roleRef.name;
    if (!same) return { type: 'replace', object: wanted };
    const missing = (wanted.subjects ?? []).filter(
      (subject) => !current.subjects?.some((one) => subjectName(one) === subjectName(subject)),
    );
    if (missing.length === 0) return undefined;
    return { type: 'update', object: { ...current, subjects: [...(current.subjects ?? []), ...missing] } };
  }
  const aggregationMissing = wanted.aggregationRule !== undefined && current.aggregationRule === undefined;
  const missing = wanted.aggregationRule ? [] : uncovered(current.rules ?? [], wanted.rules ?? []);
  if (missing.length === 0 && !aggregationMissing) return undefined;
  return {
    type: 'update',
    object: {
      ...current,
      ...(aggregationMissing && { aggregationRule: wanted.aggregationRule }),
      rules: [...(current.rules ?? []), ...missing],
    },
  };
}

function subjectName({ kind, name, namespace }: Subject): string {
  return `${kind}/${namespace ?? ''}/${name}`;
}

/** Called on the leader. @throws ApiError */
export async function ensureDefaultPolicy(client: ApiClient): Promise<void> {
  const current = new Map<string, PolicyObject>();
  await Promise.all(
    Object.entries(resourceOf).map(async ([kind, resource]) => {
      const { items } = await client.list<PolicyObject>(resource);
      for (const item of items) current.set(keyOf(kind, item.metadata?.namespace, item.metadata?.name), item);
    }),
  );
  await Promise.all(
    defaultPolicy().map((entry) => {
      const known = current.get(keyOf(entry.kind, entry.namespace, entry.name));
      return reconcile(client, resourceOf[entry.kind], policyObject(entry), known);
    }),
  );
}

async function reconcile(
  client: ApiClient,
  resource: GroupVersionResource,
  wanted: PolicyObject,
  known: PolicyObject | undefined,
): Promise<void> {
  const key = { namespace: wanted.metadata?.namespace, name: wanted.metadata!.name! };
  let current = known;
  for (let attempt = 1; ; attempt++) {
    const step = planPolicy(wanted, current);
    if (!step) return;
    try {
      if (step.type === 'update') await client.update(resource, step.object as RoleBinding);
      else {
        if (step.type === 'replace') await client.delete(resource, key);
        await client.create(resource, step.object as RoleBinding);
      }
      return;
    } catch (error) {
      const raced = isReason(error, 'Conflict') || isReason(error, 'AlreadyExists') || isReason(error, 'NotFound');
      if (!raced || attempt === maxAttempts) throw error;
      current = await client.get<PolicyObject>(resource, key).catch((failure: unknown) => {
        if (isReason(failure, 'NotFound')) return undefined;
        throw failure;
      });
    }
  }
}

function keyOf(kind: string, namespace: string | undefined, name: string | undefined): string {
  return `${kind}/${namespace ?? ''}/${name}`;
}
