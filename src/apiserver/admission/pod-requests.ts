/** For plugins that complete new pods. */
import type { Pod } from '../../api/generated/types/core-v1.ts';
import type { AdmissionRequest } from './types.ts';

/** The pod, when the request creates one or replaces its spec; private to the request. */
export function podBeingWritten(request: AdmissionRequest, operation: 'CREATE' | 'UPDATE'): Pod | undefined {
  const { definition, object, subresource } = request;
  if (request.operation !== operation || subresource !== undefined) return undefined;
  return definition.group === '' && definition.resource === 'pods' ? (object as Pod | undefined) : undefined;
}
