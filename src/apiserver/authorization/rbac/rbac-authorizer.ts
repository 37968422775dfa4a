/** Allows what a role that is bound to the caller allows. */
import { parseFieldSelector } from '../../../api/meta/field-selector.ts';
import type { Attributes, Authorizer, Decision } from '../../types.ts';
import type { RbacPolicy } from './policy.ts';
import { ruleAllows } from './rules.ts';

export interface SyncAuthorizer extends Authorizer {
  authorize(attributes: Attributes): Decision;
}

const collectionVerbs = new Set(['list', 'watch', 'deletecollection']);

export function rbacAuthorizer(policy: RbacPolicy): SyncAuthorizer {
  return {
    authorize(sent) {
      const attributes = withSelectedName(sent);
      const missing: string[] = [];
      for (const grant of policy.grants(attributes.user, attributes.namespace)) {
        if ('missing' in grant) missing.push(grant.missing);
        else if (grant.rules.some((rule) => ruleAllows(rule, attributes))) return { allowed: true };
      }
      if (missing.length === 0) return { allowed: false, reason: '' };
      return { allowed: false, reason: `RBAC: ${missing.length === 1 ? missing[0] : `[${missing.join(', ')}]`}` };
    },
  };
}

/** A collection of one, by field selector, is that one: rules with resource names count. */
function withSelectedName(attributes: Attributes): Attributes {
  if (attributes.name !== undefined || !attributes.fieldSelector || !collectionVerbs.has(attributes.verb))
    return attributes;
  const name = parseFieldSelector(attributes.fieldSelector).find(
    (term) => term.field === 'metadata.name' && !term.negated,
  )?.value;
  return name ? { ...attributes, name } : attributes;
}
