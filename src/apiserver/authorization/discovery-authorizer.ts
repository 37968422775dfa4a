/** What everybody with an identity may do: find out what this server is and offers, and ask about themselves. */
import { type Authorizer, type Decision, identities } from '../types.ts';

const paths = ['/api', '/apis', '/openapi', '/version', '/healthz', '/livez', '/readyz'];

/** Virtual resources that answer about the caller. */
const selfReviews = new Set(['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'selfsubjectreviews']);

export const discoveryAuthorizer: Authorizer = {
  authorize({ user, verb, resource, path }): Decision {
    if (user.groups.includes(identities.authenticatedGroup)) {
      if (!resource && verb === 'get' && paths.some((one) => path === one || path.startsWith(`${one}/`))) {
        return { allowed: true };
      }
      if (resource && verb === 'create' && selfReviews.has(resource.resource)) return { allowed: true };
    }
    return { allowed: false, reason: '' };
  },
};
