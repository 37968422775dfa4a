/** Which requests a webhook or a policy asks for by rules: operations, groups, versions, resources, scope. */
import type { ResourceDefinition } from '../../../api/definition.ts';
import { apiVersionOf, type GroupVersionResource, type KubernetesObject } from '../../../api/types.ts';
import type { AdmissionScope } from '../types.ts';

export interface Rule {
  readonly operations?: readonly string[] | undefined;
  readonly apiGroups?: readonly string[] | undefined;
  readonly apiVersions?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly scope?: string | undefined;
  /** Of policies. Empty: all. */
  readonly resourceNames?: readonly string[] | undefined;
}

const exempt = new Set([
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);

/** Who judges all others must never be able to lock itself in. */
export function isExempt({ group, resource }: { readonly group: string; readonly resource: string }): boolean {
  return group === 'admissionregistration.k8s.io' && exempt.has(resource);
}

export function isNamespaces({ group, resource }: { readonly group: string; readonly resource: string }): boolean {
  return group === '' && resource === 'namespaces';
}

/** `as`: the resource to match as, where that is another version of the same objects. Names are not looked at. */
export function ruleMatches(rule: Rule, scope: AdmissionScope, as: GroupVersionResource = scope.definition): boolean {
  const { definition, operation, subresource } = scope;
  return (
    hasOrAll(rule.operations, operation) &&
    hasOrAll(rule.apiGroups, as.group) &&
    hasOrAll(rule.apiVersions, as.version) &&
    scopeMatches(rule.scope, definition) &&
    (rule.resources ?? []).some((pattern) => resourceMatches(pattern, as.resource, subresource ?? ''))
  );
}

function hasOrAll(list: readonly string[] | undefined, value: string): boolean {
  return list?.some((one) => one === '*' || one === value) ?? false;
}

function scopeMatches(scope: string | undefined, definition: ResourceDefinition): boolean {
  if (scope === 'Namespaced') return definition.namespaced;
  return scope !== 'Cluster' || !definition.namespaced;
}

function resourceMatches(pattern: string, resource: string, subresource: string): boolean {
  const slash = pattern.indexOf('/');
  const [wantedResource, wantedSubresource] =
    slash < 0 ? [pattern, ''] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return (
    (wantedResource === '*' || wantedResource === resource) &&
    (wantedSubresource === '*' || wantedSubresource === subresource)
  );
}

export function namesMatch(rule: Rule, name: string): boolean {
  return !rule.resourceNames?.length || rule.resourceNames.includes(name);
}

/** Other versions under which the same objects are served. */
export function equivalents(
  definitions: readonly ResourceDefinition[],
  definition: ResourceDefinition,
): ResourceDefinition[] {
  const identity = ({ stored, group, resource }: ResourceDefinition) =>
    stored ? `${stored.group}/${stored.resource}` : `${group}/${resource}`;
  const own = identity(definition);
  return definitions.filter((other) => other !== definition && identity(other) === own);
}

/** The object of a request in another version's form, for whom asks for that; custom resources without a conversion of their own. The result may share parts with `object`. */
export function asVersion(
  object: KubernetesObject | undefined,
  from: ResourceDefinition,
  to: ResourceDefinition,
): KubernetesObject | undefined {
  if (!object || from === to) return object;
  if (to.custom) return { ...object, apiVersion: apiVersionOf(to) };
  const stored = from.stored ? from.stored.toStored(object) : object;
  return to.stored ? to.stored.fromStored(stored) : stored;
}
