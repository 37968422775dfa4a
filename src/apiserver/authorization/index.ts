/** Who may do what: the union of the authorizers; the first that allows decides. Nothing is allowed by default. */
import type { Store } from '../../store/types.ts';
import { type Attributes, type Authorizer, type Decision, identities } from '../types.ts';
import { nodeAuthorizer } from './node-authorizer.ts';
import { RbacPolicy } from './rbac/policy.ts';
import { rbacAuthorizer, type SyncAuthorizer } from './rbac/rbac-authorizer.ts';

export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    async authorize(attributes: Attributes): Promise<Decision> {
      const reasons: string[] = [];
      for (const authorizer of authorizers) {
        const decision = await authorizer.authorize(attributes);
        if (decision.allowed) return decision;
        if (decision.reason !== '') reasons.push(decision.reason);
        if (decision.final) break;
      }
      return { allowed: false, reason: reasons.join(', ') };
    },
  };
}

/** Members of `system:masters` may do everything. */
export const mastersAuthorizer: Authorizer = {
  authorize: ({ user }) =>
    user.groups.includes(identities.mastersGroup) ? { allowed: true } : { allowed: false, reason: '' },
};

export interface Authorization {
  readonly authorizer: Authorizer;
  readonly rbac: SyncAuthorizer;
  readonly policy: RbacPolicy;
}

/** Asked besides Kubernetes' own: before the roles, and after them. */
export interface OtherAuthorizers {
  readonly first: readonly Authorizer[];
  readonly last: readonly Authorizer[];
}

export function createAuthorization(store: Store, others: OtherAuthorizers = { first: [], last: [] }): Authorization {
  const policy = new RbacPolicy(store);
  const rbac = rbacAuthorizer(policy);
  return {
    authorizer: unionAuthorizer([mastersAuthorizer, ...others.first, nodeAuthorizer(store), rbac, ...others.last]),
    rbac,
    policy,
  };
}
