/**
 * Required pod affinity and anti-affinity (Kubernetes API, `PodAffinityTerm`). A term speaks of topology domains: nodes with the same value
 * of a label. Anti-affinity is symmetric: a pod that is there may keep the new one away. It looks at all nodes, hence a function of its own.
 */
import type { PodAffinityTerm } from '../../../api/generated/types/core-v1.ts';
import { selectorMatches } from '../../../api/meta/label-selector.ts';
import type { NodeInfo, PodInfo } from '../../types.ts';

/** Returns those of `candidates` where the pod may go; `nodes` are all that exist. */
export function withinPodAffinity(
  pod: PodInfo,
  candidates: readonly NodeInfo[],
  nodes: readonly NodeInfo[],
): NodeInfo[] {
  const wanted = pod.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const shunned = antiTerms(pod);
  const keptAway = shunnedByOthers(pod, nodes);
  if (wanted.length === 0 && shunned.length === 0 && keptAway.size === 0) return [...candidates];
  const near = wanted.map((term) => ({ term, domains: domainsWith(term, pod, nodes) }));
  const far = shunned.map((term) => ({ term, domains: domainsWith(term, pod, nodes) }));
  return candidates.filter((node) => {
    const domainOf = (term: PodAffinityTerm) => node.labels[term.topologyKey];
    const isNear = near.every(({ term, domains }) => {
      const domain = domainOf(term);
      if (domain === undefined) return false;
      // The first of pods that want to be together has nobody to go to.
      return domains.has(domain) || (domains.size === 0 && matches(term, pod, pod));
    });
    const isFar = far.every(({ term, domains }) => !domains.has(domainOf(term) ?? ''));
    return isNear && isFar && ![...keptAway].some((place) => hasLabel(node, place));
  });
}

function antiTerms(pod: PodInfo): readonly PodAffinityTerm[] {
  return pod.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** Values of the term's topology key under which a matching pod runs. */
function domainsWith(term: PodAffinityTerm, owner: PodInfo, nodes: readonly NodeInfo[]): Set<string> {
  const domains = new Set<string>();
  for (const node of nodes) {
    const domain = node.labels[term.topologyKey];
    if (domain === undefined || domains.has(domain)) continue;
    for (const other of node.pods.values()) {
      if (!matches(term, owner, other)) continue;
      domains.add(domain);
      break;
    }
  }
  return domains;
}

/** `key=value` of each domain from which a running pod's anti-affinity keeps the new one away. */
function shunnedByOthers(pod: PodInfo, nodes: readonly NodeInfo[]): Set<string> {
  const places = new Set<string>();
  for (const node of nodes) {
    for (const other of node.antiAffinePods.values()) {
      for (const term of antiTerms(other)) {
        const domain = node.labels[term.topologyKey];
        if (domain !== undefined && matches(term, other, pod)) places.add(`${term.topologyKey}=${domain}`);
      }
    }
  }
  return places;
}

function hasLabel(node: NodeInfo, place: string): boolean {
  const [key, value] = place.split('=', 2) as [string, string];
  return node.labels[key] === value;
}

/** Without namespaces the term means the namespace of the pod that has it; an empty namespace selector means all. */
function matches(term: PodAffinityTerm, owner: PodInfo, other: PodInfo): boolean {
  const named = term.namespaces ?? [];
  const isAll = term.namespaceSelector !== undefined && Object.keys(term.namespaceSelector).length === 0;
  const inNamespace =
    isAll || (named.length > 0 ? named.includes(other.namespace) : other.namespace === owner.namespace);
  return inNamespace && selectorMatches(term.labelSelector, other.labels);
}
