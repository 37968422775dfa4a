/** ValidatingWebhookConfigurations: all that are concerned are asked at the same time; the first in order that refuses decides the answer. */
import { randomUUID } from 'node:crypto';
import { isExempt } from '../matching/rules.ts';
import { selected } from '../matching/selectors.ts';
import { deriveFrom } from '../stored-objects.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../types.ts';
import { CallFailure, callHook, failedClosed, isOfInterest } from './call-hook.ts';
import { HookSet, hooksOf, type Invocation } from './hooks.ts';
import type { WebhookOptions } from './mutating.ts';

const configurations = { group: 'admissionregistration.k8s.io', resource: 'validatingwebhookconfigurations' };
const failedOpenAnnotation = 'failed-open.validating.webhook.admission.k8s.io';

export function validatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const { store, registry } = options;
  const hooks = deriveFrom(
    store,
    [configurations],
    (found = []) => new HookSet(hooksOf(found), () => registry.definitions),
  );
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: ({ definition }) => !isExempt(definition),
    validate(request) {
      const invocations = hooks.current.for(request);
      return invocations.length === 0 ? undefined : dispatch(options, request, invocations);
    },
  };
}

async function dispatch(
  options: WebhookOptions,
  request: AdmissionRequest,
  invocations: readonly Invocation[],
): Promise<void> {
  const concerned: Invocation[] = [];
  for (const invocation of invocations) {
    const { selectors, conditions } = invocation.hook;
    if (!selected(options.store, selectors, request)) continue;
    if (conditions && !(await isOfInterest(conditions, request, invocation, options))) continue;
    concerned.push(invocation);
  }
  const results = await Promise.allSettled(
    concerned.map((invocation, index) => callOne(options, request, invocation, index)),
  );
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function callOne(
  { client }: WebhookOptions,
  request: AdmissionRequest,
  invocation: Invocation,
  index: number,
): Promise<void> {
  const { webhook } = invocation.hook;
  try {
    await callHook(client, invocation, request, false, randomUUID());
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error;
    if (webhook.failurePolicy !== 'Ignore') throw failedClosed(error);
    request.annotate?.(`${failedOpenAnnotation}/round_0_index_${index}`, webhook.name);
  }
}
