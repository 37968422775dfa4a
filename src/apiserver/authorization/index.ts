/** Who may do what: the union of the authorizers; the first that allows decides. Nothing is allowed by default. */
import type { Store } from '../../store/types.ts';
import { type Attributes, type Authorizer, type Decision, identities } from '../types.ts';
import { discoveryAuthorizer } from './discovery-authorizer.ts';
import { nodeAuthorizer } from './node-authorizer.ts';

export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    async authorize(attributes: Attributes): Promise<Decision> {
      const reasons: string[] = [];
      for (const authorizer of authorizers) {
        const decision = await authorizer.authorize(attributes);
        if (decision.allowed) return decision;
        if (decision.reason !== '') reasons.push(decision.reason);
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

export function createAuthorizer(store: Store): Authorizer {
  return unionAuthorizer([mastersAuthorizer, nodeAuthorizer(store), discoveryAuthorizer]);
}
