/** Pods: how many, and what they request and are limited to while they may still run. */
import type { Pod, PodAffinityTerm, ScopedResourceSelectorRequirement } from '../generated/types/core-v1.ts';
import { qosClass } from '../kinds/pod/qos.ts';
import type { KubernetesObject } from '../types.ts';
import { type Amounts, one } from './amounts.ts';
import type { Evaluator, QuotaWrite } from './evaluator.ts';
import { podAmounts } from './pod-amounts.ts';
import { selectorTakes } from './scopes.ts';

const countName = 'count/pods';
const names = new Set(
  `${countName} pods cpu memory ephemeral-storage requests.cpu requests.memory requests.ephemeral-storage limits.cpu limits.memory limits.ephemeral-storage`.split(
    ' ',
  ),
);
/** A quota for one of these wants every container to say something about it. */
const demanded = ['cpu', 'limits.cpu', 'limits.memory', 'memory', 'requests.cpu', 'requests.memory'];
const hugePages = 'hugepages-';

export const podEvaluator: Evaluator = {
  handles({ operation, subresource, object, old }: QuotaWrite) {
    if (subresource === 'resize') return operation === 'UPDATE';
    if (subresource !== undefined) return false;
    return operation === 'CREATE' || (old !== undefined && isTerminating(old) !== isTerminating(object));
  },
  counts: (resource) => names.has(resource) || resource.startsWith(hugePages) || isQuotaRequest(resource),
  usage(object, nowMs) {
    const pod = object as KubernetesObject & Pod;
    if (!mayRun(pod, nowMs)) return { [countName]: one };
    return { [countName]: one, ...computeUsage(podAmounts(pod, 'requests'), podAmounts(pod, 'limits')) };
  },
  inScope(selector, object) {
    const pod = object as Pod;
    switch (selector.scopeName) {
      case 'Terminating':
        return isTerminating(object);
      case 'NotTerminating':
        return !isTerminating(object);
      case 'BestEffort':
        return qosClass(pod) === 'BestEffort';
      case 'NotBestEffort':
        return qosClass(pod) !== 'BestEffort';
      case 'PriorityClass':
        return inPriorityClass(selector, pod);
      case 'CrossNamespacePodAffinity':
        return looksIntoOtherNamespaces(pod);
      default:
        return false;
    }
  },
  problem(object, resources) {
    const { spec } = object as Pod;
    if (spec?.resources?.requests || spec?.resources?.limits) return undefined;
    const wanted = demanded.filter((name) => resources.includes(name));
    const missing = wanted.flatMap((name) => {
      const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].filter(
        ({ resources: own }) => !says(name, own?.requests, own?.limits),
      );
      const list = [...new Set(containers.map((container) => container.name))].sort().join(',');
      return list === '' ? [] : [`${name} for: ${list}`];
    });
    return missing.length === 0 ? undefined : `must specify ${missing.join('; ')}`;
  },
};

/** Extended resources can be limited by what is requested of them only. */
function isQuotaRequest(resource: string): boolean {
  if (!resource.startsWith('requests.')) return false;
  const name = resource.slice('requests.'.length);
  if (name.startsWith(hugePages)) return true;
  return name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name);
}

function says(name: string, requests: object | undefined, limits: object | undefined): boolean {
  const [list, resource] = name.startsWith('limits.')
    ? [limits, name.slice('limits.'.length)]
    : [requests, name.replace('requests.', '')];
  return list !== undefined && Object.hasOwn(list, resource);
}

function computeUsage(requests: Amounts, limits: Amounts): Amounts {
  const usage: Record<string, Amounts[string]> = { pods: one };
  for (const [name, amount] of Object.entries(requests)) {
    const isNative = name === 'cpu' || name === 'memory' || name === 'ephemeral-storage';
    if (isNative || name.startsWith(hugePages)) usage[name] = amount;
    usage[`requests.${name}`] = amount;
  }
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    if (limits[name]) usage[`limits.${name}`] = limits[name];
  }
  return usage;
}

/** Has ended, or should have by now although its node does not say so. */
function mayRun({ status, metadata }: Pod, nowMs: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

function isTerminating(object: KubernetesObject): boolean {
  return ((object as Pod).spec?.activeDeadlineSeconds ?? -1) >= 0;
}

function inPriorityClass(selector: ScopedResourceSelectorRequirement, { spec }: Pod): boolean {
  return selectorTakes(selector, spec?.priorityClassName || undefined);
}

function looksIntoOtherNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const looks = (term: PodAffinityTerm) => (term.namespaces?.length ?? 0) > 0 || term.namespaceSelector !== undefined;
  return [podAffinity, podAntiAffinity].some(
    (affinity) =>
      affinity?.requiredDuringSchedulingIgnoredDuringExecution?.some(looks) ||
      affinity?.preferredDuringSchedulingIgnoredDuringExecution?.some(({ podAffinityTerm }) => looks(podAffinityTerm)),
  );
}
