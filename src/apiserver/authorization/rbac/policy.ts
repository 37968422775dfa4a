/**
 * Roles and bindings as they stand in the store, indexed by subject. Follows the store event by event: as fresh as this replica's
 * memory, and a request looks only at the bindings of its own user and groups.
 */
import type {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '../../../api/generated/types/rbac-v1.ts';
import type { GroupVersionResource } from '../../../api/types.ts';
import { prefixEnd, type Store, type Watch, type WatchEvent } from '../../../store/types.ts';
import { objectKey, resourcePrefix } from '../../keys.ts';
import { decodeFresh, recordOf } from '../../object-record.ts';
import type { UserInfo } from '../../types.ts';
import { type PolicyRule, subjectKeys } from './rules.ts';

export const rbacGroup = 'rbac.authorization.k8s.io';

const rbac = (resource: string): GroupVersionResource => ({ group: rbacGroup, version: 'v1', resource });

export const rbacResources = {
  roles: rbac('roles'),
  roleBindings: rbac('rolebindings'),
  clusterRoles: rbac('clusterroles'),
  clusterRoleBindings: rbac('clusterrolebindings'),
} as const;

interface Binding {
  /** Undefined: counts everywhere. */
  readonly namespace: string | undefined;
  readonly roleRef: RoleRef;
  readonly subjects: readonly string[];
}

/** What one binding gives: the rules, or the word on why it gives none. */
export type Grant = { readonly rules: readonly PolicyRule[] } | { readonly missing: string };

export class RbacPolicy {
  readonly #store: Pick<Store, 'range' | 'watch' | 'revision'>;
  readonly #rules = new Map<string, readonly PolicyRule[]>();
  readonly #bindings = new Map<string, Binding>();
  /** `<namespace or nothing>|<subject>` -> store keys of bindings. */
  readonly #bySubject = new Map<string, Set<string>>();
  #watches: Watch[] = [];

  constructor(store: Pick<Store, 'range' | 'watch' | 'revision'>) {
    this.#store = store;
    this.#load();
  }

  /** What the user's bindings give: cluster-wide ones, and those of `namespace` if one is named. */
  *grants(user: UserInfo, namespace: string | undefined): Generator<Grant> {
    const keys = subjectKeys(user);
    for (const scope of namespace ? ['', namespace] : ['']) {
      for (const subject of keys) {
        for (const key of this.#bySubject.get(`${scope}|${subject}`) ?? [])
          yield this.#grantOf(this.#bindings.get(key)!);
      }
    }
  }

  rulesFor(user: UserInfo, namespace: string | undefined): PolicyRule[] {
    return [...this.grants(user, namespace)].flatMap((grant) => ('rules' in grant ? grant.rules : []));
  }

  /** What a binding to `roleRef` would give. */
  rulesOf(roleRef: RoleRef, namespace: string | undefined): readonly PolicyRule[] | undefined {
    if (roleRef.kind === 'ClusterRole')
      return this.#rules.get(objectKey(rbacResources.clusterRoles, undefined, roleRef.name));
    if (namespace === undefined) return undefined;
    return this.#rules.get(objectKey(rbacResources.roles, namespace, roleRef.name));
  }

  #grantOf({ roleRef, namespace }: Binding): Grant {
    const rules = this.rulesOf(roleRef, namespace);
    if (rules) return { rules };
    return { missing: `${roleRef.kind.toLowerCase()}.${rbacGroup} "${roleRef.name}" not found` };
  }

  #load(): void {
    for (const watch of this.#watches) watch.cancel();
    this.#rules.clear();
    this.#bindings.clear();
    this.#bySubject.clear();
    this.#watches = Object.values(rbacResources).map((resource) => {
      const range = { key: resourcePrefix(resource), end: prefixEnd(resourcePrefix(resource)) };
      for (const current of this.#store.range(range).items) this.#apply({ type: 'put', current, previous: undefined });
      return this.#store.watch(range, {
        onEvents: (events) => {
          for (const event of events) this.#apply(event);
        },
        // The state was replaced by a snapshot: what it says now counts.
        onClose: () => queueMicrotask(() => this.#load()),
      });
    });
  }

  #apply({ type, current }: WatchEvent): void {
    const { key } = current;
    this.#unbind(key);
    this.#rules.delete(key);
    if (type === 'delete') return;
    const object = decodeFresh(recordOf(current)) as Role | ClusterRole | RoleBinding | ClusterRoleBinding;
    if ('roleRef' in object) this.#bind(key, object);
    else this.#rules.set(key, object.rules ?? []);
  }

  #bind(key: string, { metadata, roleRef, subjects }: RoleBinding | ClusterRoleBinding): void {
    const namespace = metadata?.namespace;
    const names = (subjects ?? []).flatMap((subject) => subjectKeyOf(subject, namespace) ?? []);
    this.#bindings.set(key, { namespace, roleRef, subjects: names });
    for (const name of names) {
      const slot = `${namespace ?? ''}|${name}`;
      const keys = this.#bySubject.get(slot);
      if (keys) keys.add(key);
      else this.#bySubject.set(slot, new Set([key]));
    }
  }

  #unbind(key: string): void {
    const binding = this.#bindings.get(key);
    if (!binding) return;
    this.#bindings.delete(key);
    for (const name of binding.subjects) {
      const slot = `${binding.namespace ?? ''}|${name}`;
      const keys = this.#bySubject.get(slot);
      keys?.delete(key);
      if (keys?.size === 0) this.#bySubject.delete(slot);
    }
  }
}

function subjectKeyOf(subject: Subject, bindingNamespace: string | undefined): string | undefined {
  switch (subject.kind) {
    case 'User':
      return `user:${subject.name}`;
    case 'Group':
      return `group:${subject.name}`;
    case 'ServiceAccount': {
      const namespace = subject.namespace || bindingNamespace;
      return namespace ? `user:system:serviceaccount:${namespace}:${subject.name}` : undefined;
    }
    default:
      return undefined;
  }
}
