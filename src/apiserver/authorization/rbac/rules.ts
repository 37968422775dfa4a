/** What a rule of RBAC allows, and whether a set of rules covers another. Pure (Kubernetes, "Using RBAC Authorization"). */
import type { PolicyRule } from '../../../api/generated/types/rbac-v1.ts';
import type { Attributes, UserInfo } from '../../types.ts';

export type { PolicyRule };

const any = '*';

export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!hasAny(rule.verbs, attributes.verb)) return false;
  const { resource, subresource, name } = attributes;
  if (!resource) return urlMatches(rule.nonResourceURLs ?? [], attributes.path);
  return (
    hasAny(rule.apiGroups, resource.group) &&
    resourceMatches(rule.resources ?? [], resource.resource, subresource) &&
    (!rule.resourceNames?.length || (name !== undefined && rule.resourceNames.includes(name)))
  );
}

function hasAny(list: readonly string[] | undefined, value: string): boolean {
  return list?.some((one) => one === any || one === value) ?? false;
}

/** `pods`, `pods/log`, `*` (everything, subresources too) or `*` and a slash before a subresource. */
function resourceMatches(patterns: readonly string[], resource: string, subresource: string | undefined): boolean {
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  return patterns.some(
    (pattern) =>
      pattern === any || pattern === full || (subresource !== undefined && pattern === `${any}/${subresource}`),
  );
}

/** A pattern may end in `*`. */
function urlMatches(patterns: readonly string[], path: string): boolean {
  return patterns.some(
    (pattern) =>
      pattern === any || pattern === path || (pattern.endsWith(any) && path.startsWith(pattern.slice(0, -1))),
  );
}

/** The rules of `wanted` that `owned` does not cover, split up so that each names one thing. */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((one) => !owned.some((rule) => covers(rule, one)));
}

/** One verb, one group, one resource, one name (or one URL) each. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) parts.push({ verbs: [verb], nonResourceURLs: [url] });
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const part = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (!rule.resourceNames?.length) parts.push(part);
        else for (const name of rule.resourceNames) parts.push({ ...part, resourceNames: [name] });
      }
    }
  }
  return parts;
}

/** `part` comes from {@link breakDown}. */
function covers(rule: PolicyRule, part: PolicyRule): boolean {
  if (!hasAny(rule.verbs, part.verbs[0]!)) return false;
  if (part.nonResourceURLs) return urlMatches(rule.nonResourceURLs ?? [], part.nonResourceURLs[0]!);
  if (!hasAny(rule.apiGroups, part.apiGroups![0]!)) return false;
  const [resource = '', subresource] = part.resources![0]!.split('/', 2);
  if (!resourceMatches(rule.resources ?? [], resource, subresource)) return false;
  if (!rule.resourceNames?.length) return true;
  return part.resourceNames !== undefined && rule.resourceNames.includes(part.resourceNames[0]!);
}

/** Who a binding is for, as it is looked up. */
export function subjectKeys(user: UserInfo): string[] {
  return [`user:${user.name}`, ...user.groups.map((group) => `group:${group}`)];
}
