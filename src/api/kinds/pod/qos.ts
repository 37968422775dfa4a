/** Quality of service classes. */
import type { Pod } from '../../generated/types/core-v1.ts';
import { compareQuantities, parseQuantity } from '../../meta/quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const counted = ['cpu', 'memory'] as const;

/**
 * Guaranteed: every container limits CPU and memory and requests exactly that. BestEffort: no container says anything about
 * either. Burstable: everything between. What a pod says of itself as a whole counts instead of its containers. Quantities must be valid.
 */
export function qosClass(pod: Pod): QosClass {
  const { initContainers = [], containers = [], resources: whole } = pod.spec ?? {};
  const ofContainers = [...initContainers, ...containers].map(({ resources }) => resources);
  const lists = whole?.requests || whole?.limits ? [whole] : ofContainers;
  let mentioned = false;
  let guaranteed = lists.length > 0;
  for (const resources of lists) {
    for (const name of counted) {
      const limit = positive(resources?.limits?.[name]);
      const request = positive(resources?.requests?.[name]);
      if (limit || request) mentioned = true;
      if (!limit || (request && compareQuantities(limit, request) !== 0)) guaranteed = false;
    }
  }
  if (!mentioned) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function positive(text: string | number | undefined) {
  if (text === undefined) return undefined;
  const quantity = parseQuantity(String(text));
  return quantity.nanos > 0n ? quantity : undefined;
}
