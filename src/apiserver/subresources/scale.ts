/** `…/scale`: the replicas of a Deployment, ReplicaSet or the like as an autoscaling/v1 Scale. */
import type { ResourceDefinition } from '../../api/definition.ts';
import type { Scale } from '../../api/generated/types/autoscaling-v1.ts';
import type { LabelSelector } from '../../api/generated/types/meta-v1.ts';
import { fieldInvalid, invalid } from '../../api/meta/field-error.ts';
import { formatLabelSelector, fromLabelSelector } from '../../api/meta/label-selector.ts';
import { apiVersionOf, type KubernetesObject } from '../../api/types.ts';
import type { Body, WriteRequestOptions } from '../body.ts';
import type { ApiCore } from '../core.ts';
import { decodeObject } from '../decode-object.ts';
import { decodePatch, kindOf, type PatchBody } from '../decode-patch.ts';
import { writerOf } from '../managed-fields.ts';
import { decodeFresh, decodeShared, type ObjectRecord } from '../object-record.ts';
import { authorize, type NamedTarget, resolve } from '../target.ts';
import type { RequestContext } from '../types.ts';
import { applierOf, checkApplyOptions, decodeConfiguration } from '../verbs/apply.ts';
import { type GetOptions, getObject } from '../verbs/get.ts';
import { checkPatchOptions } from '../verbs/patch.ts';
import { type ObjectView, replaceObject } from '../verbs/update.ts';

const scaleKind = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  schema: 'io.k8s.api.autoscaling.v1.Scale',
} as const;

interface Scalable {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector | Record<string, string> };
  readonly status?: { readonly replicas?: number };
}

function scaleOf(object: KubernetesObject): Scale {
  const { spec, status } = object as KubernetesObject & Scalable;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  const selector = selectorText(spec?.selector);
  return {
    kind: scaleKind.kind,
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, ...(selector !== '' && { selector }) },
  };
}

const view: ObjectView = {
  kind: scaleKind,
  of: (object) => scaleOf(object) as KubernetesObject,
  put(scale, object) {
    object.spec = { ...(object.spec as object | undefined), replicas: (scale as Scale).spec?.replicas ?? 0 };
  },
};

/** ReplicationControllers have a plain map, everything since a LabelSelector. */
function selectorText(selector: LabelSelector | Record<string, string> | undefined): string {
  if (!selector) return '';
  const isObject = 'matchLabels' in selector || 'matchExpressions' in selector;
  const full = isObject ? (selector as LabelSelector) : { matchLabels: selector as Record<string, string> };
  return formatLabelSelector(fromLabelSelector(full) ?? []);
}

export async function getScale(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  options: GetOptions = {},
): Promise<Scale> {
  return scaleOf(decodeShared(await getObject(core, context, target, options)));
}

export async function updateScale(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  body: Body,
  options: WriteRequestOptions = {},
): Promise<Scale> {
  const definition = resolve(core, target, 'update');
  await authorize(core, context, target, 'update');
  const scale = decodeObject(core, scaleKind, body, context) as Scale;
  return replaceReplicas(core, context, target, definition, options, () => scale);
}

export async function patchScale(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  body: PatchBody,
  options: WriteRequestOptions = {},
): Promise<Scale> {
  const definition = resolve(core, target, 'patch');
  await authorize(core, context, target, 'patch');
  if (kindOf(body) === 'apply') return applyScale(core, context, target, definition, body, options);
  checkPatchOptions(options);
  const patch = decodePatch(core, scaleKind, body, context);
  const wanted = (current: Scale) => patch(current as KubernetesObject) as Scale;
  return replaceReplicas(core, context, target, definition, options, wanted);
}

/** Owns the replicas of the object behind, and nothing else of it. */
async function applyScale(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  definition: ResourceDefinition,
  body: PatchBody,
  options: WriteRequestOptions,
): Promise<Scale> {
  checkApplyOptions(options);
  const { configuration: scale, checkStrictly } = decodeConfiguration(core, scaleKind, body, context);
  const { metadata, spec } = scale as Scale;
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  const configuration: KubernetesObject = {
    apiVersion: apiVersionOf(definition),
    kind: definition.kind,
    metadata: { name, namespace, uid, resourceVersion },
    ...(spec?.replicas !== undefined && { spec: { replicas: spec.replicas } }),
  };
  const applied = applierOf(core, definition, configuration, writerOf(core, definition, 'scale', options), options);
  const parent = { ...target, subresource: undefined };
  const derive = (current: ObjectRecord): KubernetesObject => {
    const object = applied(current) as KubernetesObject & Scalable;
    // A scale that does not say how many means none.
    const replicas = object.spec?.replicas ?? 0;
    checkStrictly();
    checkReplicas(target.name, replicas);
    return { ...object, spec: { ...object.spec, replicas } };
  };
  const management = { applied: true, through: target.subresource, view };
  const record = await replaceObject(core, context, parent, definition, options, derive, management);
  return scaleOf(decodeShared(record));
}

/** @throws ApiError Invalid */
function checkReplicas(name: string, replicas: number): void {
  if (replicas >= 0) return;
  throw invalid(scaleKind, name, [fieldInvalid('spec.replicas', replicas, 'must be greater than or equal to 0')]);
}

async function replaceReplicas(
  core: ApiCore,
  context: RequestContext,
  target: NamedTarget,
  definition: ResourceDefinition,
  options: WriteRequestOptions,
  wanted: (current: Scale) => Scale,
): Promise<Scale> {
  // Authorized as the subresource; from here on it is an update of the object's spec.
  const parent = { ...target, subresource: undefined };
  const record = await replaceObject(
    core,
    context,
    parent,
    definition,
    options,
    (current) => {
      const object = decodeFresh(current);
      const scale = wanted(scaleOf(object));
      const replicas = scale.spec?.replicas ?? 0;
      checkReplicas(target.name, replicas);
      const { name, namespace, uid, resourceVersion } = scale.metadata ?? {};
      return {
        ...object,
        // What the client said about identity and version is checked as for any update.
        metadata: { ...object.metadata, name, namespace, uid, resourceVersion },
        spec: { ...(object.spec as object | undefined), replicas },
      };
    },
    { through: target.subresource, view },
  );
  return scaleOf(decodeShared(record));
}
