/** Names what a request is about, and finds the kind behind it. */
import type { ResourceDefinition } from '../api/definition.ts';
import { validPathSegment } from '../api/meta/names.ts';
import { ApiError } from '../api/status.ts';
import type { GroupVersionResource } from '../api/types.ts';
import type { ApiCore } from './core.ts';
import { forbidden, methodNotAllowed, resourceNotServed } from './errors.ts';
import type { RequestContext } from './types.ts';

export interface Target {
  readonly resource: GroupVersionResource;
  readonly subresource?: string | undefined;
  /** Of a namespaced kind; absent for all namespaces. */
  readonly namespace?: string | undefined;
  /** Absent for collections. */
  readonly name?: string | undefined;
}

export interface NamedTarget extends Target {
  readonly name: string;
}

/** @throws ApiError NotFound when the resource is not served; BadRequest for what cannot be a name */
export function findDefinition(core: ApiCore, target: Target): ResourceDefinition {
  const definition = core.registry.find(target.resource);
  if (!definition) throw resourceNotServed();
  if (definition.namespaced && target.name !== undefined && !target.namespace) {
    throw new ApiError('BadRequest', `a namespace is required to name one of ${definition.resource}`);
  }
  if (!definition.namespaced && target.namespace && !isNamespaceItself(definition)) throw resourceNotServed();
  // Names become parts of keys: a slash would reach into another namespace.
  for (const part of [target.namespace, target.name]) {
    const problem = part === undefined ? undefined : validPathSegment(part);
    if (problem) throw new ApiError('BadRequest', `${JSON.stringify(part)} cannot be a name: ${problem}`);
  }
  return definition;
}

/** Also checks the verb. @throws ApiError NotFound when the resource, or its subresource, is not served; MethodNotAllowed */
export function resolve(core: ApiCore, target: Target, verb: string): ResourceDefinition {
  const definition = findDefinition(core, target);
  let { verbs } = definition;
  if (target.subresource !== undefined) {
    const subresource = definition.subresources.find((one) => one.name === target.subresource);
    if (!subresource) throw resourceNotServed();
    verbs = subresource.verbs;
  }
  if (!verbs.includes(verb)) throw methodNotAllowed(definition, verb);
  return definition;
}

/** `/api/v1/namespaces/NAME` is parsed with both a namespace and a name, as upstream does, so that namespace-wide rules cover it. */
function isNamespaceItself(definition: ResourceDefinition): boolean {
  return definition.group === '' && definition.resource === 'namespaces';
}

/** The namespace that an object of the kind lies in: none for a namespace itself. */
export function storageNamespace(definition: ResourceDefinition, target: Target): string | undefined {
  return definition.namespaced ? target.namespace || undefined : undefined;
}

/** @throws ApiError Forbidden, worded as upstream does */
export async function authorize(
  core: ApiCore,
  context: RequestContext,
  target: Target,
  verb: string,
  fieldSelector?: string,
): Promise<void> {
  const { resource, subresource, namespace, name } = target;
  const decision = await core.authorizer.authorize({
    user: context.user,
    verb,
    resource,
    subresource,
    namespace,
    name,
    fieldSelector,
    path: '',
  });
  if (decision.allowed) return;
  const full = subresource === undefined ? resource.resource : `${resource.resource}/${subresource}`;
  const scope =
    namespace === undefined || namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const why = decision.reason === '' ? '' : `: ${decision.reason}`;
  throw forbidden(
    resource,
    name ?? '',
    `User "${context.user.name}" cannot ${verb} resource "${full}" in API group "${resource.group}" ${scope}${why}`,
  );
}
