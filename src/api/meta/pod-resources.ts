/**
 * Amounts of resources as plain numbers, so that scheduler and agents compare without parsing: cpu in millicores, everything else in
 * its base unit (bytes, pieces). What a pod asks for follows Kubernetes' rule for init containers and sidecars (KEP-753):
 * the larger of (a) all containers and sidecars together and (b) each init container together with the sidecars started before it.
 */
import type { PodSpec } from '../generated/types/core-v1.ts';
import { milliValue, parseQuantity, unitValue } from './quantity.ts';

export type Resources = ReadonlyMap<string, number>;

export function toResources(list: Record<string, string | number> | undefined): Map<string, number> {
  const result = new Map<string, number>();
  for (const [name, value] of Object.entries(list ?? {})) result.set(name, toAmount(name, String(value)));
  return result;
}

function toAmount(name: string, text: string): number {
  const quantity = parseQuantity(text);
  return name === 'cpu' ? milliValue(quantity) : unitValue(quantity);
}

/** What the pod is counted with: requests of its containers or of the pod as a whole, and what the pod itself costs. */
export function podRequests(spec: PodSpec): Resources {
  return podTotal(spec, 'requests');
}

/** What the pod may use at most, of those resources that any container limits. */
export function podLimits(spec: PodSpec): Resources {
  return podTotal(spec, 'limits');
}

function podTotal(spec: PodSpec, list: 'requests' | 'limits'): Resources {
  const sidecars = new Map<string, number>();
  const largestInit = new Map<string, number>();
  for (const container of spec.initContainers ?? []) {
    const amounts = toResources(container.resources?.[list]);
    if (container.restartPolicy === 'Always') {
      add(sidecars, amounts);
      raise(largestInit, sidecars);
    } else {
      const together = new Map(sidecars);
      add(together, amounts);
      raise(largestInit, together);
    }
  }
  const result = new Map(sidecars);
  for (const container of spec.containers) add(result, toResources(container.resources?.[list]));
  raise(result, largestInit);
  // Said of the pod as a whole: that counts instead.
  for (const [name, amount] of toResources(spec.resources?.[list])) result.set(name, amount);
  const overhead = toResources(spec.overhead);
  if (list === 'requests') add(result, overhead);
  else for (const [name, amount] of overhead) if (result.has(name)) result.set(name, result.get(name)! + amount);
  return result;
}

export function add(into: Map<string, number>, amounts: Resources): void {
  for (const [name, amount] of amounts) into.set(name, (into.get(name) ?? 0) + amount);
}

export function subtract(from: Map<string, number>, amounts: Resources): void {
  for (const [name, amount] of amounts) from.set(name, (from.get(name) ?? 0) - amount);
}

function raise(into: Map<string, number>, amounts: Resources): void {
  for (const [name, amount] of amounts) into.set(name, Math.max(into.get(name) ?? 0, amount));
}
