/** Runs plugins in order. Which of them a request concerns is found out once per kind, operation and subresource. */
import type { ResourceDefinition } from '../../api/definition.ts';
import type { AdmissionChain, AdmissionPlugin, AdmissionRequest, AdmissionScope, AdmissionStep } from './types.ts';

interface Plan {
  readonly mutate: readonly AdmissionStep[];
  readonly validate: readonly AdmissionStep[];
}

export function createAdmissionChain(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  const plans = new WeakMap<ResourceDefinition, Map<string, Plan>>();
  const planOf = ({ definition, operation, subresource }: AdmissionRequest): Plan => {
    const ofKind = plans.get(definition) ?? new Map<string, Plan>();
    const key = subresource === undefined ? operation : `${operation}/${subresource}`;
    const plan = ofKind.get(key) ?? makePlan(plugins, { definition, operation, subresource });
    if (!ofKind.has(key)) plans.set(definition, ofKind.set(key, plan));
    return plan;
  };
  return {
    mutate(request) {
      const { mutate } = planOf(request);
      request.reinvocation = { round: 0, wanted: false };
      const pending = runSteps(mutate, request);
      if (pending) return runAgain(pending, mutate, request);
    },
    validate: (request) => runSteps(planOf(request).validate, request),
  };
}

async function runAgain(
  pending: Promise<void>,
  steps: readonly AdmissionStep[],
  request: AdmissionRequest,
): Promise<void> {
  await pending;
  if (!request.reinvocation?.wanted) return;
  request.reinvocation = { round: 1, wanted: false };
  await runSteps(steps, request);
}

function makePlan(plugins: readonly AdmissionPlugin[], scope: AdmissionScope): Plan {
  const concerned = plugins.filter((plugin) => plugin.handles(scope));
  return {
    mutate: concerned.flatMap(({ mutate }) => mutate ?? []),
    validate: concerned.flatMap(({ validate }) => validate ?? []),
  };
}

function runSteps(steps: readonly AdmissionStep[], request: AdmissionRequest): void | Promise<void> {
  for (let index = 0; index < steps.length; index++) {
    const pending = steps[index]!(request);
    if (pending) return runRest(pending, steps, index + 1, request);
  }
}

async function runRest(
  pending: Promise<void>,
  steps: readonly AdmissionStep[],
  from: number,
  request: AdmissionRequest,
): Promise<void> {
  await pending;
  for (let index = from; index < steps.length; index++) await steps[index]!(request);
}
