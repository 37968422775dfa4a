/** ValidatingAdmissionPolicies and their bindings: rules in CEL that are evaluated here, without asking anybody. */
import type { KindRegistry, ResourceDefinition } from '../../../api/definition.ts';
import type {
  MatchResources,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../../api/generated/types/admissionregistration-v1.ts';
import { ApiError, qualifiedResource, type StatusReason } from '../../../api/status.ts';
import type { KubernetesObject } from '../../../api/types.ts';
import type { Authorizer } from '../../types.ts';
import { equivalents, isExempt, isNamespaces, namesMatch, ruleMatches } from '../matching/rules.ts';
import { compileSelectors, namespaceOf, type Selectors, selected } from '../matching/selectors.ts';
import { needsConversion, viewAs } from '../matching/versions.ts';
import { deriveFrom, type ReadStore } from '../stored-objects.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionScope } from '../types.ts';
import { type CompiledPolicy, compilePolicy } from './compile-policy.ts';
import { type Denial, evaluatePolicy } from './evaluate-policy.ts';
import { ConfigurationError, collectParams } from './params.ts';

const policies = { group: 'admissionregistration.k8s.io', resource: 'validatingadmissionpolicies' };
const bindings = { group: 'admissionregistration.k8s.io', resource: 'validatingadmissionpolicybindings' };
const failureAnnotation = 'validation.policy.admission.k8s.io/validation_failure';
const maxAnnotationLength = 10 * 1024;

export interface PolicyOptions {
  readonly store: ReadStore;
  readonly registry: KindRegistry;
  readonly authorizer: Authorizer;
}

interface Match {
  readonly resources: MatchResources | undefined;
  readonly selectors: Selectors;
}

interface Bound {
  readonly policy: ValidatingAdmissionPolicy;
  readonly name: string;
  readonly match: Match;
  readonly bindings: readonly { readonly binding: ValidatingAdmissionPolicyBinding; readonly match: Match }[];
  /** Made when the policy is first met. */
  compiled: CompiledPolicy | undefined;
}

/** Policies that some binding puts to work, with those bindings. */
function bind(found: readonly KubernetesObject[] = [], bound: readonly KubernetesObject[] = []): PolicySet {
  const byPolicy = Map.groupBy(
    bound as unknown as ValidatingAdmissionPolicyBinding[],
    ({ spec }) => spec?.policyName ?? '',
  );
  const all = (found as unknown as ValidatingAdmissionPolicy[]).flatMap((policy): Bound[] => {
    const name = policy.metadata?.name ?? '';
    const own = byPolicy.get(name);
    if (!own) return [];
    return [
      {
        policy,
        name,
        match: matchOf(policy.spec?.matchConstraints),
        bindings: own.map((binding) => ({ binding, match: matchOf(binding.spec?.matchResources) })),
        compiled: undefined,
      },
    ];
  });
  return { all, byScope: new WeakMap() };
}

interface PolicySet {
  readonly all: readonly Bound[];
  readonly byScope: WeakMap<ResourceDefinition, Map<string, readonly Bound[]>>;
}

function matchOf(resources: MatchResources | undefined): Match {
  return { resources, selectors: compileSelectors(resources ?? {}) };
}

export function validatingPolicies(options: PolicyOptions): AdmissionPlugin {
  const { store, registry } = options;
  const set = deriveFrom(store, [policies, bindings], bind);
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: ({ definition }) => !isExempt(definition),
    validate(request) {
      const { current } = set;
      if (current.all.length === 0) return undefined;
      const concerned = policiesFor(current, registry, request);
      return concerned.length === 0 ? undefined : judge(options, concerned, request);
    },
  };
}

/** By their rules alone; found out once per kind, operation and subresource. */
function policiesFor({ all, byScope }: PolicySet, registry: KindRegistry, scope: AdmissionScope): readonly Bound[] {
  const { definition, operation, subresource = '' } = scope;
  const ofKind = byScope.get(definition) ?? new Map<string, readonly Bound[]>();
  const key = `${operation}/${subresource}`;
  let found = ofKind.get(key);
  if (!found) {
    found = all.filter(({ match }) => versionFor(registry, match.resources, scope) !== undefined);
    byScope.set(definition, ofKind.set(key, found));
  }
  return found;
}

/** The version that the rules ask for; undefined for none. `name`: where names count, too. */
function versionFor(
  registry: KindRegistry,
  resources: MatchResources | undefined,
  scope: AdmissionScope,
  name?: string,
): ResourceDefinition | undefined {
  const { definition } = scope;
  if (!resources) return definition;
  const { resourceRules = [], excludeResourceRules = [], matchPolicy } = resources;
  const others = matchPolicy === 'Exact' ? [] : equivalents(registry.definitions, definition);
  const versions = [definition, ...others];
  const find = (rules: typeof resourceRules) => {
    for (const rule of rules) {
      if (name !== undefined && !namesMatch(rule, name)) continue;
      const version = versions.find((one) => ruleMatches(rule, scope, one));
      if (version) return version;
    }
    return undefined;
  };
  if (name !== undefined && find(excludeResourceRules)) return undefined;
  // A binding without rules takes whatever its policy takes.
  return resourceRules.length === 0 ? definition : find(resourceRules);
}

interface Refusal extends Denial {
  readonly policy: string;
  readonly binding: string | undefined;
}

async function judge(options: PolicyOptions, concerned: readonly Bound[], request: AdmissionRequest): Promise<void> {
  const refusals: Refusal[] = [];
  for (const bound of concerned) {
    const as = versionFor(options.registry, bound.match.resources, request, request.name);
    if (!as || !selected(options.store, bound.match.selectors, request)) continue;
    const annotations = new Map<string, Set<string>>();
    for (const one of bound.bindings) {
      refusals.push(...(await judgeBinding(options, bound, one, as, request, annotations)));
    }
    for (const [key, values] of annotations) request.annotate?.(`${bound.name}/${key}`, [...values].join(', '));
  }
  const [first] = refusals;
  if (first) throw refusalError(request, first);
}

async function judgeBinding(
  { store, registry, authorizer }: PolicyOptions,
  bound: Bound,
  { binding, match }: Bound['bindings'][number],
  as: ResourceDefinition,
  request: AdmissionRequest,
  annotations: Map<string, Set<string>>,
): Promise<Refusal[]> {
  if (!versionFor(registry, match.resources, request, request.name)) return [];
  if (!selected(store, match.selectors, request)) return [];
  const { name: policy } = bound;
  const bindingName = binding.metadata?.name ?? '';
  bound.compiled ??= compilePolicy(bound.policy.spec ?? {});
  const { compiled } = bound;
  const namespace = isNamespaces(request.definition) ? undefined : request.namespace;
  let params: readonly (KubernetesObject | null)[];
  try {
    const where = isNamespaces(request.definition) ? request.name : namespace;
    params = collectParams(store, registry, bound.policy.spec?.paramKind, binding.spec?.paramRef, where);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    if (compiled.failurePolicy === 'Ignore') return [];
    const message = `failed to configure binding: ${error.message}`;
    return [{ index: 0, message, reason: undefined, policy, binding: bindingName }];
  }
  const refusals: Refusal[] = [];
  const view = needsConversion(request, as) ? await viewAs(request, as) : undefined;
  for (const param of params) {
    const verdict = await evaluatePolicy(compiled, {
      request,
      as,
      authorizer,
      params: param,
      view,
      ...(namespace !== undefined && { namespaceObject: () => withoutManagedFields(namespaceOf(store, namespace)) }),
    });
    for (const denial of verdict.denials) {
      refusals.push(
        ...act(request, { ...denial, policy, binding: bindingName }, binding.spec?.validationActions ?? []),
      );
    }
    for (const message of verdict.failures) {
      refusals.push({ index: 0, message, reason: undefined, policy, binding: bindingName });
    }
    for (const { key, value } of verdict.auditAnnotations) {
      annotations.set(key, (annotations.get(key) ?? new Set()).add(value.slice(0, maxAnnotationLength)));
    }
  }
  return refusals;
}

function withoutManagedFields(namespace: KubernetesObject): KubernetesObject {
  const { managedFields, ...metadata } = namespace.metadata ?? {};
  return { ...namespace, metadata };
}

/** Refusals; what is to be told in another way is told at once. */
function act(request: AdmissionRequest, refusal: Refusal, actions: readonly string[]): Refusal[] {
  const { index: expressionIndex, message, policy, binding } = refusal;
  if (actions.includes('Warn')) {
    request.warn?.(`Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding}': ${message}`);
  }
  if (actions.includes('Audit')) {
    const told = [{ message, policy, binding, expressionIndex, validationActions: actions }];
    request.annotate?.(failureAnnotation, JSON.stringify(told));
  }
  return actions.includes('Deny') ? [refusal] : [];
}

function refusalError({ definition, name }: AdmissionRequest, refusal: Refusal): ApiError {
  const { policy, binding, reason = 'Invalid' } = refusal;
  const through = binding === undefined ? '' : ` with binding '${binding}'`;
  const message = `ValidatingAdmissionPolicy '${policy}'${through} denied request: ${refusal.message}`;
  const subject = name === '' ? qualifiedResource(definition) : `${qualifiedResource(definition)} "${name}"`;
  return new ApiError(reason as StatusReason, `${subject} is forbidden: ${message}`, {
    ...(name !== '' && { name }),
    ...(definition.group !== '' && { group: definition.group }),
    kind: definition.resource,
    causes: [{ message }],
  });
}
