/** POST to `pods/NAME/eviction`: a deletion that disruption budgets may refuse. There are no budgets yet, so it deletes. */
import type { Eviction } from '../../api/generated/types/policy-v1.ts';
import { ApiError } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { admissionRequest } from '../admission/request.ts';
import type { Body, WriteRequestOptions } from '../body.ts';
import type { ApiCore } from '../core.ts';
import { decodeObject } from '../decode-object.ts';
import { authorize, type NamedTarget, resolve } from '../target.ts';
import type { RequestContext } from '../types.ts';
import { deleteAuthorized } from '../verbs/delete.ts';

const evictionKind = {
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  schema: 'io.k8s.api.policy.v1.Eviction',
} as const;

export async function evictPod(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  body: Body,
  options: WriteRequestOptions = {},
): Promise<void> {
  const definition = resolve(core, target, 'create');
  await authorize(core, context, target, 'create');
  const eviction = decodeObject(core, evictionKind, body, context) as KubernetesObject & Eviction;
  if (eviction.metadata?.name && eviction.metadata.name !== target.name) {
    throw new ApiError('BadRequest', 'name in URL does not match name in Eviction object');
  }
  const {
    gracePeriodSeconds,
    propagationPolicy,
    orphanDependents,
    preconditions,
    dryRun: dryRunOf,
  } = eviction.deleteOptions ?? {};
  const dryRun = options.dryRun === true || dryRunOf?.includes('All') === true;
  const { namespace, name, subresource } = target;
  const request = admissionRequest(context, {
    operation: 'CREATE',
    definition,
    subresource,
    namespace,
    name,
    dryRun,
    object: eviction,
    kind: evictionKind,
    options,
  });
  await core.admission.mutate(request);
  await core.admission.validate(request);
  await deleteAuthorized(core, context, definition, namespace, name, {
    gracePeriodSeconds,
    propagationPolicy,
    orphanDependents,
    preconditions,
    dryRun,
    admitted: true,
  });
}
