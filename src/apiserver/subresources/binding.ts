/** POST to `pods/NAME/binding`: assigns a pod to a node, once. */
import type { Binding, Pod, PodCondition } from '../../api/generated/types/core-v1.ts';
import { fieldInvalid, fieldRequired, invalid } from '../../api/meta/field-error.ts';
import { ApiError } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { admissionRequest } from '../admission/request.ts';
import type { Body, WriteRequestOptions } from '../body.ts';
import { changeObject } from '../change-object.ts';
import type { ApiCore } from '../core.ts';
import { decodeObject } from '../decode-object.ts';
import { conflict } from '../errors.ts';
import { timestamp } from '../object-meta.ts';
import { decodeFresh } from '../object-record.ts';
import { authorize, type NamedTarget, resolve } from '../target.ts';
import type { RequestContext } from '../types.ts';

const bindingKind = { group: '', version: 'v1', kind: 'Binding', schema: 'io.k8s.api.core.v1.Binding' } as const;

/** How messages name what could not be bound. */
const bindingResource = { group: '', resource: 'pods/binding' } as const;

export async function bindPod(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  body: Body,
  options: WriteRequestOptions = {},
): Promise<void> {
  const definition = resolve(core, target, 'create');
  await authorize(core, context, target, 'create');
  const binding = decodeObject(core, bindingKind, body, context) as KubernetesObject & Binding;
  const { name, namespace } = target;
  const dryRun = options.dryRun === true;
  const request = admissionRequest(context, {
    operation: 'CREATE',
    definition,
    subresource: target.subresource,
    namespace,
    name,
    dryRun,
    object: binding,
    kind: bindingKind,
    options,
  });
  await core.admission.mutate(request);
  await core.admission.validate(request);
  const nodeName = nodeOf(binding, target.name);
  await changeObject(core, context, {
    definition,
    namespace,
    name,
    dryRun,
    change(current) {
      const pod = decodeFresh(current) as KubernetesObject & Pod;
      assign(pod, nodeName, binding, core.clock.nowMs());
      return { type: 'put', object: pod };
    },
  });
}

function nodeOf(binding: Binding, podName: string): string {
  const { target, metadata } = binding;
  if (metadata?.name && metadata.name !== podName) {
    throw new ApiError('BadRequest', 'name in URL does not match name in Binding object');
  }
  if (target?.kind && target.kind !== 'Node') {
    throw invalid(bindingKind, podName, [fieldInvalid('target.kind', target.kind, 'must be empty or "Node"')]);
  }
  if (!target?.name) throw invalid(bindingKind, podName, [fieldRequired('target.name')]);
  return target.name;
}

function assign(pod: KubernetesObject & Pod, nodeName: string, binding: Binding, nowMs: number): void {
  const { name = '', uid, resourceVersion, deletionTimestamp } = pod.metadata ?? {};
  const wanted = binding.metadata ?? {};
  if ((wanted.uid && wanted.uid !== uid) || (wanted.resourceVersion && wanted.resourceVersion !== resourceVersion)) {
    throw conflict(bindingResource, name, 'the pod is not the one that the binding names (uid or resourceVersion)');
  }
  if (deletionTimestamp) {
    throw conflict(bindingResource, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (pod.spec?.nodeName) {
    throw conflict(bindingResource, name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  }
  if ((pod.spec?.schedulingGates?.length ?? 0) > 0) {
    throw conflict(bindingResource, name, `pod ${name} has non-empty .spec.schedulingGates`);
  }
  pod.spec = { ...pod.spec, nodeName } as NonNullable<Pod['spec']>;
  const scheduled: PodCondition = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp(nowMs) };
  const others = (pod.status?.conditions ?? []).filter((condition) => condition.type !== scheduled.type);
  pod.status = { ...pod.status, conditions: [...others, scheduled] };
  const annotations = { ...pod.metadata?.annotations, ...wanted.annotations };
  if (pod.metadata && Object.keys(annotations).length > 0) pod.metadata.annotations = annotations;
  if (pod.metadata && wanted.labels) pod.metadata.labels = { ...pod.metadata.labels, ...wanted.labels };
}
