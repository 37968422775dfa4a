/**
 * Puts what an agent reports into a status that others write to as well: the report replaces what it names, and conditions go by type,
 * so that those of other owners (PodScheduled, readiness gates, NetworkUnavailable) stay. Pure.
 */
import type { NodeStatus, PodStatus } from '../api/generated/types/core-v1.ts';

export function mergePodStatus(current: PodStatus | undefined, reported: PodStatus): PodStatus {
  // What a report leaves out is gone, but for what agents do not own.
  const { qosClass, nominatedNodeName, resourceClaimStatuses, extendedResourceClaimStatus, startTime } = current ?? {};
  const kept = { qosClass, nominatedNodeName, resourceClaimStatuses, extendedResourceClaimStatus, startTime };
  return { ...defined(kept), ...reported, ...conditions(current, reported) };
}

export function mergeNodeStatus(current: NodeStatus | undefined, reported: NodeStatus): NodeStatus {
  return { ...current, ...reported, ...conditions(current, reported) };
}

function conditions<C extends { type: string }>(
  current: { conditions?: C[] | undefined } | undefined,
  reported: { conditions?: C[] | undefined },
): { conditions?: C[] } {
  const own = reported.conditions ?? [];
  const types = new Set(own.map((condition) => condition.type));
  const others = (current?.conditions ?? []).filter((condition) => !types.has(condition.type));
  const merged = [...others, ...own];
  return merged.length > 0 ? { conditions: merged } : {};
}

function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
