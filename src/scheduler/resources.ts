/**
 * Amounts of resources as plain numbers, so that the scheduler compares without parsing: cpu in millicores, everything else in
 * its base unit (bytes, pieces). What a pod asks for follows Kubernetes' rule for init containers and sidecars (KEP-753):
 * the larger of (a) all containers and sidecars together and (b) each init container together with the sidecars started before it.
 */
import type { Container, PodSpec } from '../api/generated/types/core-v1.ts';
import { milliValue, parseQuantity, unitValue } from '../api/meta/quantity.ts';

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

export function podRequests(spec: PodSpec): Resources {
  const sidecars = new Map<string, number>();
  const largestInit = new Map<string, number>();
  for (const container of spec.initContainers ?? []) {
    const requests = toResources(requestsOf(container));
    if (container.restartPolicy === 'Always') {
      add(sidecars, requests);
      raise(largestInit, sidecars);
    } else {
      const together = new Map(sidecars);
      add(together, requests);
      raise(largestInit, together);
    }
  }
  const result = new Map(sidecars);
  for (const container of spec.containers) add(result, toResources(requestsOf(container)));
  raise(result, largestInit);
  add(result, toResources(spec.overhead as Record<string, string> | undefined));
  return result;
}

function requestsOf(container: Container): Record<string, string> | undefined {
  return container.resources?.requests as Record<string, string> | undefined;
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
