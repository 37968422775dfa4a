/** DELETE of one object: at once, or by degrees (grace period, finalizers). */
import type { ResourceDefinition } from '../../api/definition.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { admissionRequest } from '../admission/request.ts';
import { type ChangeResult, changeObject } from '../change-object.ts';
import type { ApiCore } from '../core.ts';
import { checkPreconditions, type DeleteRequest, planDeletion } from '../deletion.ts';
import { decodeFresh, decodeShared } from '../object-record.ts';
import { authorize, type NamedTarget, resolve, storageNamespace } from '../target.ts';
import type { RequestContext } from '../types.ts';

export interface DeleteOptions extends DeleteRequest {
  readonly dryRun?: boolean | undefined;
  /** It is a part of something that passed admission itself (an eviction). */
  readonly admitted?: boolean | undefined;
}

/** `deleted` false: the object is still there, marked, for its node or a controller to finish. */
export async function deleteObject(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  options: DeleteOptions = {},
): Promise<ChangeResult> {
  const definition = resolve(core, target, 'delete');
  await authorize(core, context, target, 'delete');
  return deleteAuthorized(core, context, definition, storageNamespace(definition, target), target.name, options);
}

/** For verbs that imply deletion and have been authorized as themselves (deletecollection, eviction). */
export function deleteAuthorized(
  core: ApiCore,
  context: RequestContext,
  definition: ResourceDefinition,
  namespace: string | undefined,
  name: string,
  options: DeleteOptions,
  select?: (object: KubernetesObject) => boolean,
): Promise<ChangeResult> {
  const dryRun = options.dryRun === true;
  return changeObject(core, context, {
    definition,
    namespace,
    name,
    dryRun,
    async change(current) {
      const old = decodeShared(current);
      if (select && !select(old)) return { type: 'keep' };
      checkPreconditions(definition, old, options.preconditions);
      if (!options.admitted) {
        const operation = 'DELETE';
        const request = admissionRequest(context, {
          operation,
          definition,
          namespace,
          name,
          dryRun,
          oldObject: old,
          options,
        });
        await core.admission.mutate(request);
        await core.admission.validate(request);
      }
      const object = decodeFresh(current);
      const step = planDeletion(definition, object, options, core.clock.nowMs());
      if (step === 'keep') return { type: 'keep' };
      return { type: step === 'remove' ? 'delete' : 'put', object };
    },
  });
}
