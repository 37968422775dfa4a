/** `…/scale`: the replicas of a Deployment, ReplicaSet or the like as an autoscaling/v1 Scale. */
import { valueAt, withValueAt } from '../../api/custom-resources/value-at.ts';
import type { ResourceDefinition } from '../../api/definition.ts';
import type { Scale } from '../../api/generated/types/autoscaling-v1.ts';
import type { LabelSelector } from '../../api/generated/types/meta-v1.ts';
import { fieldInvalid, invalid } from '../../api/meta/field-error.ts';
import { formatLabelSelector, fromLabelSelector } from '../../api/meta/label-selector.ts';
import { ApiError } from '../../api/status.ts';
import { apiVersionOf, type KubernetesObject } from '../../api/types.ts';
import type { Body, WriteRequestOptions } from '../body.ts';
import type { ApiCore } from '../core.ts';
import { decodeObject } from '../decode-object.ts';
import { decodePatch, kindOf, type PatchBody } from '../decode-patch.ts';
import { writerOf } from '../managed-fields.ts';
import { decodeFresh, decodeShared, type ObjectRecord } from '../object-record.ts';
import { authorize, findDefinition, type NamedTarget, resolve } from '../target.ts';
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

/** Where a kind keeps what a Scale shows. */
interface ReplicaFields {
  readonly spec: readonly string[];
  readonly status: readonly string[];
  /** As text. */
  selector(object: KubernetesObject): string;
  /** An object that does not say how many is none of this endpoint. */
  readonly required: boolean;
}

const builtInFields: ReplicaFields = {
  spec: ['spec', 'replicas'],
  status: ['status', 'replicas'],
  selector: (object) => selectorText(valueAt(object, ['spec', 'selector']) as LabelSelector | undefined),
  required: false,
};

function fieldsOf({ custom }: ResourceDefinition): ReplicaFields {
  const paths = custom?.scale;
  if (!paths) return builtInFields;
  const { specReplicas, statusReplicas, labelSelector } = paths;
  return {
    spec: specReplicas,
    status: statusReplicas,
    selector(object) {
      const text = labelSelector && valueAt(object, labelSelector);
      return typeof text === 'string' ? text : '';
    },
    required: true,
  };
}

function numberAt(object: KubernetesObject, path: readonly string[]): number | undefined {
  const value = valueAt(object, path);
  return typeof value === 'number' ? value : undefined;
}

function scaleOf(definition: ResourceDefinition, object: KubernetesObject): Scale {
  const fields = fieldsOf(definition);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  const selector = fields.selector(object);
  return {
    kind: scaleKind.kind,
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberAt(object, fields.spec) ?? 0 },
    status: { replicas: numberAt(object, fields.status) ?? 0, ...(selector !== '' && { selector }) },
  };
}

function viewOf(definition: ResourceDefinition): ObjectView {
  return {
    kind: scaleKind,
    of: (object) => scaleOf(definition, object) as KubernetesObject,
    put(scale, object) {
      Object.assign(object, withValueAt(object, fieldsOf(definition).spec, (scale as Scale).spec?.replicas ?? 0));
    },
  };
}

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
  const object = decodeShared(await getObject(core, context, target, options));
  const definition = findDefinition(core, target);
  const fields = fieldsOf(definition);
  if (fields.required && numberAt(object, fields.spec) === undefined) {
    throw new ApiError('InternalError', `the spec replicas field ".${fields.spec.join('.')}" does not exist`);
  }
  return scaleOf(definition, object);
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
  };
  const { spec: path } = fieldsOf(definition);
  const wanted = spec?.replicas === undefined ? configuration : withValueAt(configuration, path, spec.replicas);
  const applied = applierOf(core, definition, wanted, writerOf(core, definition, 'scale', options), options);
  const parent = { ...target, subresource: undefined };
  const derive = (current: ObjectRecord): KubernetesObject => {
    const object = applied(current);
    // A scale that does not say how many means none.
    const replicas = numberAt(object, path) ?? 0;
    checkStrictly();
    checkReplicas(definition, target.name, replicas);
    return withValueAt(object, path, replicas);
  };
  const management = { applied: true, through: target.subresource, view: viewOf(definition) };
  const record = await replaceObject(core, context, parent, definition, options, derive, management);
  return scaleOf(definition, decodeShared(record));
}

/** @throws ApiError Invalid */
function checkReplicas({ custom }: ResourceDefinition, name: string, replicas: number): void {
  // A custom resource's own rules tell what is wrong.
  if (replicas >= 0 || custom) return;
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
      const scale = wanted(scaleOf(definition, object));
      const replicas = scale.spec?.replicas ?? 0;
      checkReplicas(definition, target.name, replicas);
      const { name, namespace, uid, resourceVersion } = scale.metadata ?? {};
      // What the client said about identity and version is checked as for any update.
      const metadata = { ...object.metadata, name, namespace, uid, resourceVersion };
      return withValueAt({ ...object, metadata }, fieldsOf(definition).spec, replicas);
    },
    { through: target.subresource, view: viewOf(definition) },
  );
  return scaleOf(definition, decodeShared(record));
}
