/** What a terminating namespace still has, as its status tells it, and whether it may go. Pure. */
import type { Namespace, NamespaceCondition } from '../../api/generated/types/core-v1.ts';
import { qualifiedResource } from '../../api/status.ts';
import type { GroupVersionResource } from '../../api/types.ts';
import { timestamp } from '../shared/time.ts';

const namespaceFinalizer = 'kubernetes';

export interface Remaining {
  readonly resource: GroupVersionResource;
  readonly count: number;
  /** Objects that hold each finalizer. */
  readonly finalizers: ReadonlyMap<string, number>;
}

export interface NamespaceObservation {
  readonly namespace: Namespace;
  readonly remaining: readonly Remaining[];
  /** What went wrong when contents were deleted. */
  readonly failures: readonly string[];
  readonly nowMs: number;
}

export interface NamespacePlan {
  /** Undefined when no condition changes. */
  readonly conditions: NamespaceCondition[] | undefined;
  /** The namespace without our finalizer; undefined while contents remain. */
  readonly finalized: Namespace | undefined;
}

export function planNamespace({ namespace, remaining, failures, nowMs }: NamespaceObservation): NamespacePlan {
  const conditions = conditionsOf(namespace.status?.conditions ?? [], remaining, failures, nowMs);
  const isEmpty = remaining.length === 0 && failures.length === 0;
  const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== namespaceFinalizer);
  return { conditions, finalized: isEmpty ? { ...namespace, spec: { ...namespace.spec, finalizers } } : undefined };
}

function conditionsOf(
  present: readonly NamespaceCondition[],
  remaining: readonly Remaining[],
  failures: readonly string[],
  nowMs: number,
): NamespaceCondition[] | undefined {
  const finalizers = new Map<string, number>();
  for (const entry of remaining)
    for (const [name, count] of entry.finalizers) finalizers.set(name, (finalizers.get(name) ?? 0) + count);
  const wanted: [type: string, isTrue: boolean, good: [string, string], bad: [string, string]][] = [
    [
      'NamespaceDeletionDiscoveryFailure',
      false,
      ['ResourcesDiscovered', 'All resources successfully discovered'],
      ['DiscoveryFailed', ''],
    ],
    [
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      ['ParsedGroupVersions', 'All legacy kube types successfully parsed'],
      ['GroupVersionParsingFailed', ''],
    ],
    [
      'NamespaceDeletionContentFailure',
      failures.length > 0,
      ['ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
      [
        'ContentDeletionFailed',
        `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}`,
      ],
    ],
    [
      'NamespaceContentRemaining',
      remaining.length > 0,
      ['ContentRemoved', 'All content successfully removed'],
      [
        'SomeResourcesRemain',
        `Some resources are remaining: ${remaining
          .map(
            ({ resource, count }) =>
              `${qualifiedResource(resource)}${resource.group === '' ? '.' : ''} has ${count} resource instances`,
          )
          .join(', ')}`,
      ],
    ],
    [
      'NamespaceFinalizersRemaining',
      finalizers.size > 0,
      ['ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
      [
        'SomeFinalizersRemain',
        `Some content in the namespace has finalizers remaining: ${[...finalizers]
          .map(([name, count]) => `${name} in ${count} resource instances`)
          .join(', ')}`,
      ],
    ],
  ];
  let isChanged = false;
  const result = [...present];
  for (const [type, isTrue, good, bad] of wanted) {
    const [reason, message] = isTrue ? bad : good;
    const status = isTrue ? 'True' : 'False';
    const index = result.findIndex((condition) => condition.type === type);
    const old = result[index];
    if (old?.status === status && old.reason === reason && old.message === message) continue;
    isChanged = true;
    const lastTransitionTime = (old?.status === status && old.lastTransitionTime) || timestamp(nowMs);
    const condition = { type, status, reason, message, lastTransitionTime };
    if (old) result[index] = condition;
    else result.push(condition);
  }
  return isChanged ? result : undefined;
}
