/** The failures of the generic path, worded as upstream words them: clients and their users match on these texts. */
import { ApiError, qualifiedResource } from '../api/status.ts';
import type { GroupVersionResource } from '../api/types.ts';

type Named = Pick<GroupVersionResource, 'group' | 'resource'>;

function details(resource: Named, name: string) {
  return {
    ...(name !== '' && { name }),
    ...(resource.group !== '' && { group: resource.group }),
    kind: resource.resource,
  };
}

export function notFound(resource: Named, name: string): ApiError {
  return new ApiError('NotFound', `${qualifiedResource(resource)} "${name}" not found`, details(resource, name));
}

/** The path names no resource that is served. */
export function resourceNotServed(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', {});
}

export function alreadyExists(resource: Named, name: string): ApiError {
  return new ApiError(
    'AlreadyExists',
    `${qualifiedResource(resource)} "${name}" already exists`,
    details(resource, name),
  );
}

export function conflict(resource: Named, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${why}`;
  return new ApiError('Conflict', message, details(resource, name));
}

export function objectModified(resource: Named, name: string): ApiError {
  return conflict(
    resource,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
}

export function methodNotAllowed(resource: Named, action: string): ApiError {
  return new ApiError(
    'MethodNotAllowed',
    `${action} is not supported on resources of kind "${qualifiedResource(resource)}"`,
    details(resource, ''),
  );
}

/** In words of its own. */
export function methodNotAllowedBecause(why: string): ApiError {
  return new ApiError('MethodNotAllowed', why);
}

/** `reason` says what the caller may not do, as a sentence without the resource. */
export function forbidden(
  resource: Named,
  name: string,
  reason: string,
  cause?: { reason: string; message: string; field: string },
): ApiError {
  const subject = name === '' ? qualifiedResource(resource) : `${qualifiedResource(resource)} "${name}"`;
  return new ApiError('Forbidden', `${subject} is forbidden: ${reason}`, {
    ...details(resource, name),
    ...(cause && { causes: [cause] }),
  });
}

/** A resourceVersion that no replica has reached yet, as far as this one knows. */
export function resourceVersionTooLarge(wanted: number, current: number): ApiError {
  return new ApiError('Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  });
}
