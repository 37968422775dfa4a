/** What a ResourceQuota's status must say, given all objects that it may measure. */
import type { CustomResourceDefinition } from '../../api/generated/types/apiextensions-v1.ts';
import type { ResourceQuota, ResourceQuotaStatus } from '../../api/generated/types/core-v1.ts';
import { type Amounts, add, formatAmounts, mask, parseAmounts, zero } from '../../api/quota/amounts.ts';
import { evaluatorFor } from '../../api/quota/evaluator.ts';
import { scopesOf } from '../../api/quota/scopes.ts';
import type { GroupVersionResource, KubernetesObject } from '../../api/types.ts';

export interface Named {
  readonly group: string;
  readonly resource: string;
}

/** The resources whose objects a quota measures. */
export function measuredResources<T extends Named>(quota: ResourceQuota, resources: readonly T[]): T[] {
  const names = Object.keys(quota.spec?.hard ?? {});
  return resources.filter((resource) => names.some(evaluatorFor(resource).counts));
}

/** Custom resources that a quota counts (`count/things.example.com`). */
export function customResources(
  quota: ResourceQuota,
  definitions: readonly CustomResourceDefinition[],
): GroupVersionResource[] {
  const names = new Set(Object.keys(quota.spec?.hard ?? {}));
  return definitions.flatMap(({ spec }) => {
    const version = spec.versions.find(({ served }) => served)?.name;
    const isCounted = names.has(`count/${spec.names.plural}.${spec.group}`);
    if (!isCounted || version === undefined || spec.scope !== 'Namespaced') return [];
    return [{ group: spec.group, version, resource: spec.names.plural }];
  });
}

export interface Measured {
  readonly resource: Named;
  readonly objects: readonly KubernetesObject[];
}

export function planStatus(quota: ResourceQuota, measured: readonly Measured[], nowMs: number): ResourceQuotaStatus {
  const hard = parseAmounts(quota.spec?.hard);
  const selectors = scopesOf(quota);
  let used: Amounts = {};
  for (const { resource, objects } of measured) {
    const evaluator = evaluatorFor(resource);
    const names = Object.keys(hard).filter(evaluator.counts);
    used = add(used, Object.fromEntries(names.map((name) => [name, zero])));
    for (const object of objects) {
      if (!selectors.every((selector) => evaluator.inScope(selector, object))) continue;
      used = add(used, mask(evaluator.usage(object, nowMs), names));
    }
  }
  return { hard: formatAmounts(hard), used: formatAmounts(used) };
}

export function sameStatus(a: ResourceQuotaStatus | undefined, b: ResourceQuotaStatus): boolean {
  return sameList(a?.hard, b.hard) && sameList(a?.used, b.used);
}

function sameList(a: ResourceQuotaStatus['hard'] | undefined, b: ResourceQuotaStatus['hard'] | undefined): boolean {
  const text = (list: ResourceQuotaStatus['hard'] | undefined) =>
    JSON.stringify(Object.entries(formatAmounts(parseAmounts(list))).sort(([x], [y]) => (x < y ? -1 : 1)));
  return text(a) === text(b);
}
