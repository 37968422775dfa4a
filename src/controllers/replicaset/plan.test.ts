import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { type PodOptions, podOf, replicaSetOf } from '../testing/objects.ts';
import { planReplicaSet, withFailure } from './plan.ts';

const nowMs = 1_000_000;
const set = replicaSetOf('rs', 3);
const owned = (options: PodOptions = {}) => podOf({ owner: set, node: 'n1', readySinceMs: 0, ...options });
const plan = (pods: Pod[], replicaSet = set) => planReplicaSet({ replicaSet, pods, relatedPods: pods, nowMs });
const names = (pods: readonly Pod[]) => pods.map((pod) => pod.metadata?.name);

describe('planReplicaSet', () => {
  it('creates what is missing, counting neither finished nor terminating pods', () => {
    const pods = [owned(), owned({ phase: 'Failed' }), owned({ phase: 'Succeeded' }), owned({ deleting: true })];
    const result = plan(pods);
    expect(result.create).toBe(2);
    expect(result.delete).toEqual([]);
    expect(result.status).toMatchObject({
      replicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      terminatingReplicas: 1,
    });
  });

  it('adopts matching orphans before it creates, and releases pods that no longer match', () => {
    const result = plan([podOf({ name: 'orphan' }), owned({ name: 'relabelled', labels: { app: 'other' } }), owned()]);
    expect(names(result.adopt)).toEqual(['orphan']);
    expect(names(result.release)).toEqual(['relabelled']);
    expect(result.create).toBe(1);
  });

  it('leaves alone: pods of another controller, finished or terminating orphans, orphans that do not match', () => {
    const result = plan([
      podOf({ owner: replicaSetOf('other', 1) }),
      podOf({ phase: 'Succeeded' }),
      podOf({ deleting: true }),
      podOf({ labels: { app: 'db' } }),
    ]);
    expect([result.adopt, result.release, result.delete]).toEqual([[], [], []]);
    expect(result.create).toBe(3);
  });

  it('neither creates, deletes, adopts nor releases once it is being deleted', () => {
    const deleting = { ...set, metadata: { ...set.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const result = plan([podOf(), owned({ labels: {} })], deleting);
    expect(result).toMatchObject({ create: 0, delete: [], adopt: [], release: [] });
  });

  it('deletes in upstream order: unassigned, pending, not ready, cheap, crowded node, young in readiness, restarted, young', () => {
    const one = replicaSetOf('rs', 0);
    const cost = (value: string) => ({ 'controller.kubernetes.io/pod-deletion-cost': value });
    const pods = [
      owned({ name: '9-oldest', createdMs: 1_000 }),
      owned({ name: '8-younger', createdMs: 9_000 }),
      owned({ name: '7-restarted', restarts: 3 }),
      owned({ name: '6-ready-lately', readySinceMs: 50_000 }),
      owned({ name: '5-crowded', node: 'n2' }),
      owned({ name: '4-cheap', annotations: cost('-5') }),
      podOf({ owner: set, node: 'n1', name: '3-not-ready' }),
      podOf({ owner: set, node: 'n1', phase: 'Pending', name: '2-pending' }),
      podOf({ owner: set, name: '1-unassigned' }),
    ];
    const crowd = Array.from({ length: 20 }, () => podOf({ node: 'n2' }));
    const result = planReplicaSet({ replicaSet: one, pods, relatedPods: [...pods, ...crowd], nowMs });
    expect(names(result.delete)).toEqual([...pods.map((pod) => pod.metadata?.name)].sort());
  });

  it('counts a pod as available only after minReadySeconds and asks to be called at that moment', () => {
    const slow = replicaSetOf('rs', 2, { minReadySeconds: 10 });
    const result = plan([owned({ readySinceMs: nowMs - 4_000 }), owned({ readySinceMs: nowMs - 10_000 })], slow);
    expect(result.status).toMatchObject({ readyReplicas: 2, availableReplicas: 1 });
    expect(result.requeueAfterMs).toBe(6_000);
  });
});

describe('withFailure', () => {
  it('sets the condition, keeps its time while the failure is the same, and drops it when there is none', () => {
    const failure = { reason: 'FailedCreate', message: 'quota' } as const;
    const first = withFailure({ replicas: 0 }, failure, 1_000);
    expect(withFailure(first, failure, 9_000)).toEqual(first);
    expect(withFailure(first, undefined, 9_000)).toEqual({ replicas: 0 });
  });
});
