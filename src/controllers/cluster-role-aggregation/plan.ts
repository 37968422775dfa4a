/** The rules of an aggregated ClusterRole: those of all roles that its selectors match. Pure (Kubernetes, "Aggregated ClusterRoles"). */
import type { ClusterRole, PolicyRule } from '../../api/generated/types/rbac-v1.ts';
import { selectorMatches } from '../../api/meta/label-selector.ts';

/** Undefined: the role is not aggregated, or has these rules already. */
export function planAggregation(role: ClusterRole, roles: readonly ClusterRole[]): PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (!selectors || role.metadata?.deletionTimestamp) return undefined;
  const sources = roles
    .filter(({ metadata }) => metadata?.name !== role.metadata?.name)
    .filter(({ metadata }) => selectors.some((selector) => selectorMatches(selector, metadata?.labels ?? {})))
    .sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
  const rules = new Map<string, PolicyRule>();
  for (const source of sources) for (const rule of source.rules ?? []) rules.set(JSON.stringify(rule), rule);
  const wanted = [...rules.values()];
  return JSON.stringify(wanted) === JSON.stringify(role.rules ?? []) ? undefined : wanted;
}
