/** What most plugins are about: one resource, some operations. */
import type { KubernetesObject } from '../../api/types.ts';
import type { AdmissionOperation, AdmissionPlugin, AdmissionRequest, AdmissionScope } from './types.ts';

type Named = { readonly group: string; readonly resource: string };

/** The object itself, not a subresource of it. In any version. */
export function concerns(
  resource: Named,
  ...operations: readonly AdmissionOperation[]
): Pick<AdmissionPlugin, 'handles'> {
  return {
    handles: (scope) =>
      isAbout(scope, resource) && scope.subresource === undefined && operations.includes(scope.operation),
  };
}

export function isAbout({ definition }: Pick<AdmissionScope, 'definition'>, { group, resource }: Named): boolean {
  return definition.group === group && definition.resource === resource;
}

/** For plugins whose `handles` says that there is one. */
export function objectOf<T>(request: AdmissionRequest): T {
  return request.object as KubernetesObject as T;
}
