/** What objects of a resource count with in ResourceQuotas (Kubernetes, "Resource Quotas"). */
import type { ScopedResourceSelectorRequirement } from '../generated/types/core-v1.ts';
import type { KubernetesObject } from '../types.ts';
import { type Amounts, one } from './amounts.ts';
import { claimEvaluator } from './claims.ts';
import { resourceClaimEvaluator } from './device-claims.ts';
import { podEvaluator } from './pods.ts';
import { serviceEvaluator } from './services.ts';

export interface QuotaWrite {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly subresource: string | undefined;
  readonly object: KubernetesObject;
  readonly old: KubernetesObject | undefined;
}

export interface Evaluator {
  /** Whether such a write can change what is used. */
  handles(write: QuotaWrite): boolean;
  /** Of the resources that a quota limits those that objects of this kind use. */
  counts(resource: string): boolean;
  usage(object: KubernetesObject, nowMs: number): Amounts;
  inScope(selector: ScopedResourceSelectorRequirement, object: KubernetesObject): boolean;
  /** Why the object cannot be measured by a quota for these resources. */
  problem?(object: KubernetesObject, resources: readonly string[]): string | undefined;
}

const legacyNames: Readonly<Record<string, string>> = {
  configmaps: 'configmaps',
  resourcequotas: 'resourcequotas',
  replicationcontrollers: 'replicationcontrollers',
  secrets: 'secrets',
};

const special: Readonly<Record<string, Evaluator>> = {
  pods: podEvaluator,
  services: serviceEvaluator,
  persistentvolumeclaims: claimEvaluator,
  'resourceclaims.resource.k8s.io': resourceClaimEvaluator,
};

const counters = new Map<string, Evaluator>();
/** Custom resources have their counters, too. */
const maxCounters = 10_000;

/** Of any namespaced resource: at least its objects are counted. */
export function evaluatorFor({ group, resource }: { readonly group: string; readonly resource: string }): Evaluator {
  const name = group === '' ? resource : `${resource}.${group}`;
  const found = special[name] ?? counters.get(name);
  if (found) return found;
  const made = objectCounter(name, group === '' ? legacyNames[resource] : undefined);
  if (counters.size >= maxCounters) counters.clear();
  counters.set(name, made);
  return made;
}

function objectCounter(name: string, legacyName: string | undefined): Evaluator {
  const names = [`count/${name}`, ...(legacyName === undefined ? [] : [legacyName])];
  const usage: Amounts = Object.fromEntries(names.map((each) => [each, one]));
  return {
    handles: ({ operation, subresource }) => operation === 'CREATE' && subresource === undefined,
    counts: (resource) => names.includes(resource),
    usage: () => usage,
    inScope: () => false,
  };
}
