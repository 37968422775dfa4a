/** What a pod asks for and is limited to, exact and in the notation of its author; the rules are those of `pod-resources.ts`. */
import type { Pod, PodSpec } from '../generated/types/core-v1.ts';
import { type Amounts, add, larger, merge, parseAmounts } from './amounts.ts';

export function podAmounts({ spec, status }: Pod, list: 'requests' | 'limits'): Amounts {
  if (!spec) return {};
  // A pod in the middle of a resize counts with the larger of what it has and what it wants.
  const given = new Map((status?.containerStatuses ?? []).map(({ name, resources }) => [name, resources?.[list]]));
  let running: Amounts = {};
  let largestInit: Amounts = {};
  for (const { restartPolicy, resources } of spec.initContainers ?? []) {
    const own = parseAmounts(resources?.[list]);
    const together = add(running, own);
    if (restartPolicy === 'Always') running = together;
    largestInit = larger(largestInit, together);
  }
  for (const { name, resources } of spec.containers) {
    running = add(running, larger(parseAmounts(resources?.[list]), parseAmounts(given.get(name))));
  }
  return withWhole(spec, list, larger(running, largestInit));
}

/** What is said of the pod as a whole counts instead; what the pod itself costs comes on top. */
function withWhole(spec: PodSpec, list: 'requests' | 'limits', amounts: Amounts): Amounts {
  const whole = merge(amounts, parseAmounts(spec.resources?.[list]), (_, said) => said);
  const overhead = parseAmounts(spec.overhead);
  if (list === 'requests') return add(whole, overhead);
  const limited = Object.entries(overhead).filter(([name]) => Object.hasOwn(whole, name));
  return add(whole, Object.fromEntries(limited));
}
