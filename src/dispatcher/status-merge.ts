/**
 * Puts what an agent reports into a status that others write to as well: the report replaces what it names, and conditions go by type,
 * so that those of other owners (PodScheduled, readiness gates, NetworkUnavailable) stay. Pure.
 */
import type { NodeStatus, PodStatus } from '../api/generated/types/core-v1.ts';

/** As the node lifecycle controller writes them, here and in Kubernetes. */
const lostReasons: ReadonlySet<string> = new Set(['NodeStatusUnknown', 'NodeStatusNeverUpdated']);

/** Agents say these only as long as they hold. */
const passingConditions: ReadonlySet<string> = new Set(['PodResizePending', 'PodResizeInProgress']);

export function mergePodStatus(current: PodStatus | undefined, reported: PodStatus): PodStatus {
  // What a report leaves out is gone, but for what agents do not own.
  const { qosClass, nominatedNodeName, resourceClaimStatuses, extendedResourceClaimStatus, startTime } = current ?? {};
  const kept = { qosClass, nominatedNodeName, resourceClaimStatuses, extendedResourceClaimStatus, startTime };
  const lasting = current?.conditions?.filter(({ type }) => !passingConditions.has(type));
  return { ...defined(kept), ...reported, ...conditions({ conditions: lasting }, reported) };
}

export function mergeNodeStatus(current: NodeStatus | undefined, reported: NodeStatus): NodeStatus {
  return { ...current, ...reported, ...conditions(current, reported) };
}

/** Whether the status bears the mark of a node of which no master has heard for long. Agents never say that of themselves. */
export function isJudgedLost(status: NodeStatus | undefined): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status, reason }) => type === 'Ready' && status === 'Unknown' && lostReasons.has(reason ?? ''),
  );
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
