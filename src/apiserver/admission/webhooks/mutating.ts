/**
 * MutatingWebhookConfigurations: one webhook after the other, each sees what those before made of the object. When one has changed it, the whole chain of
 * completing plugins runs once more; in that round only webhooks are called that ask for it and have been called before the change.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { decodeValue } from '../../../api/codec/body.ts';
import type { KindRegistry, ResourceDefinition } from '../../../api/definition.ts';
import type { MutatingWebhook } from '../../../api/generated/types/admissionregistration-v1.ts';
import { applyJsonPatch } from '../../../api/patch/json-patch.ts';
import type { SchemaSet } from '../../../api/schema/schema.ts';
import { ApiError } from '../../../api/status.ts';
import { apiVersionOf, type KubernetesObject } from '../../../api/types.ts';
import { toStored } from '../../served-form.ts';
import type { Authorizer } from '../../types.ts';
import { asVersion, isExempt } from '../matching/rules.ts';
import { selected } from '../matching/selectors.ts';
import { converted, viewAs } from '../matching/versions.ts';
import { replaceContents } from '../replace-contents.ts';
import { deriveFrom, type ReadStore } from '../stored-objects.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../types.ts';
import { CallFailure, callHook, failedClosed, isOfInterest } from './call-hook.ts';
import type { WebhookClient } from './client.ts';
import { HookSet, hooksOf, type Invocation } from './hooks.ts';

const configurations = { group: 'admissionregistration.k8s.io', resource: 'mutatingwebhookconfigurations' };
const patchAnnotation = 'patch.webhook.admission.k8s.io';
const mutationAnnotation = 'mutation.webhook.admission.k8s.io';

export interface WebhookOptions {
  readonly store: ReadStore;
  readonly registry: KindRegistry;
  readonly schemas: SchemaSet;
  readonly authorizer: Authorizer;
  readonly client: WebhookClient;
}

/** What the rounds of one request remember. */
interface Rounds {
  readonly called: Set<string>;
  readonly again: Set<string>;
  /** What the last webhook left behind. */
  output?: KubernetesObject | undefined;
}

export function mutatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const { store, registry } = options;
  const hooks = deriveFrom(
    store,
    [configurations],
    (found = []) => new HookSet(hooksOf(found), () => registry.definitions),
  );
  const rounds = new WeakMap<AdmissionRequest, Rounds>();
  return {
    name: 'MutatingAdmissionWebhook',
    handles: ({ definition }) => !isExempt(definition),
    mutate(request) {
      const invocations = hooks.current.for(request);
      if (invocations.length === 0) return undefined;
      const own = rounds.get(request) ?? { called: new Set(), again: new Set() };
      rounds.set(request, own);
      return dispatch(options, request, invocations, own);
    },
  };
}

async function dispatch(
  options: WebhookOptions,
  request: AdmissionRequest,
  invocations: readonly Invocation[],
  rounds: Rounds,
): Promise<void> {
  const { reinvocation } = request;
  const second = reinvocation?.round === 1;
  const requireAgain = () => {
    for (const id of rounds.called) rounds.again.add(id);
    rounds.called.clear();
  };
  if (second && rounds.output && !isDeepStrictEqual(rounds.output, request.object)) requireAgain();
  for (const invocation of invocations) {
    const { hook } = invocation;
    if (!selected(options.store, hook.selectors, request)) continue;
    if (hook.conditions && !(await isOfInterest(hook.conditions, request, invocation, options))) continue;
    if (second && !rounds.again.has(hook.id)) continue;
    const changed = await callOne(options, request, invocation, second ? 1 : 0);
    if (changed) {
      requireAgain();
      if (reinvocation) reinvocation.wanted = true;
    }
    if ((hook.webhook as MutatingWebhook).reinvocationPolicy === 'IfNeeded') rounds.called.add(hook.id);
  }
  rounds.output = structuredClone(request.object);
}

/** True when it changed the object. */
async function callOne(
  { client, schemas }: WebhookOptions,
  request: AdmissionRequest,
  invocation: Invocation,
  round: number,
): Promise<boolean> {
  const { webhook, configuration, index } = invocation.hook;
  const annotate = (prefix: string, value: object) =>
    request.annotate?.(
      `${prefix}/round_${round}_index_${index}`,
      JSON.stringify({ configuration, webhook: webhook.name, ...value }),
    );
  try {
    const { patch } = await callHook(client, invocation, request, true, randomUUID());
    const changed = patch !== undefined && patch.length > 0 && (await applyPatch(schemas, request, invocation, patch));
    if (patch?.length) annotate(patchAnnotation, { patch, patchType: 'JSONPatch' });
    annotate(mutationAnnotation, { mutated: changed });
    return changed;
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error;
    if (webhook.failurePolicy !== 'Ignore') throw failedClosed(error);
    request.annotate?.(`failed-open.${mutationAnnotation}/round_${round}_index_${index}`, webhook.name);
    if (request.signal?.aborted) throw new ApiError('Timeout', 'request did not complete within requested timeout');
    return false;
  }
}

async function applyPatch(
  schemas: SchemaSet,
  request: AdmissionRequest,
  { hook, as }: Invocation,
  patch: readonly unknown[],
): Promise<boolean> {
  const { object, definition } = request;
  const name = JSON.stringify(hook.webhook.name);
  const internal = (why: string, cause?: unknown) =>
    new ApiError('InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] }, { cause });
  if (!object) {
    throw internal(
      `admission webhook ${name} attempted to modify the object, which is not supported for this operation`,
    );
  }
  let patched: KubernetesObject;
  try {
    const { object: served } = await viewAs(request, as);
    patched = decodePatched(schemas, request, as, applyJsonPatch(structuredClone(served), patch));
  } catch (error) {
    throw internal((error as Error).message, error);
  }
  if (!request.kind) {
    const back = definition.custom ? await converted(patched, definition) : asVersion(patched, as, definition)!;
    patched = toStored(definition, back);
    definition.strategy.setDefaults?.(patched);
  }
  if (isDeepStrictEqual(patched, object)) return false;
  replaceContents(object, patched);
  return true;
}

/** An object of its kind again: what the kind does not have is dropped. */
function decodePatched(
  schemas: SchemaSet,
  { kind }: AdmissionRequest,
  as: ResourceDefinition,
  value: unknown,
): KubernetesObject {
  const own = kind ?? as;
  const schema = kind ? schemas.definitionOfKind(apiVersionOf(kind), kind.kind) : as.schema;
  if (schema === undefined) return value as KubernetesObject;
  return decodeValue(schemas, { ...own, schema }, { value, duplicates: [] }, { fieldValidation: 'Ignore' });
}
