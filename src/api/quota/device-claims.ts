/** ResourceClaims: how many, and devices by class. */
import type { ResourceClaim } from '../generated/types/resource-v1.ts';
import { one, times } from './amounts.ts';
import type { Evaluator } from './evaluator.ts';

const countName = 'count/resourceclaims.resource.k8s.io';
const suffix = '.deviceclass.resource.k8s.io/devices';
/** Of one claim; a request for all counts with as many. */
const maxDevices = 32;

interface Asked {
  readonly deviceClassName?: string | undefined;
  readonly allocationMode?: string | undefined;
  readonly count?: number | undefined;
}

export const resourceClaimEvaluator: Evaluator = {
  handles: ({ operation, subresource }) => operation === 'CREATE' && subresource === undefined,
  counts: (resource) => resource === countName || resource.endsWith(suffix),
  inScope: () => false,
  usage(object) {
    const devices = new Map<string, number>();
    const add = (name: string, count: number) => devices.set(name, (devices.get(name) ?? 0) + count);
    for (const { exactly, firstAvailable } of (object as unknown as ResourceClaim).spec?.devices?.requests ?? []) {
      if (exactly) add(exactly.deviceClassName, countOf(exactly));
      // One of them will be chosen: of each class the most that it could be.
      const alternatives = new Map<string, number>();
      for (const asked of firstAvailable ?? []) {
        const { deviceClassName } = asked;
        alternatives.set(deviceClassName, Math.max(alternatives.get(deviceClassName) ?? 0, countOf(asked)));
      }
      for (const [name, count] of alternatives) add(name, count);
    }
    const byClass = [...devices].map(([name, count]) => [`${name}${suffix}`, times(count)]);
    return { [countName]: one, ...Object.fromEntries(byClass) };
  },
};

function countOf({ allocationMode, count }: Asked): number {
  return allocationMode === 'All' ? maxDevices : (count ?? 1);
}
