import { describe, expect, it } from 'vitest';
import type { Toleration } from '../../api/generated/types/core-v1.ts';
import { nodeOf, podOf } from '../testing/objects.ts';
import { Liveness } from './liveness.ts';
import { planNode, planPods } from './plan.ts';
import { evictionTimeMs } from './taints.ts';

const graceMs = 10_000;
const nowMs = 100_000;

describe('Liveness', () => {
  it('gives every node a full grace period under a new leader, whatever was seen before', () => {
    const liveness = new Liveness(graceMs);
    liveness.observe(['a', 'b'], [60_000, -1], 500_000);
    expect([liveness.silentMs('a'), liveness.silentMs('b')]).toEqual([0, 0]);
    for (let at = 501_000; at <= 511_000; at += 1_000) liveness.observe(['a', 'b'], [60_000, -1], at);
    expect([liveness.silentMs('a'), liveness.silentMs('b')]).toEqual([11_000, 11_000]);
    expect(liveness.isEveryNodeLost()).toBe(true);
    liveness.observe(['a', 'b'], [60_000, 300], 512_000);
    expect(liveness.silentMs('b')).toBe(300);
    expect(liveness.isEveryNodeLost()).toBe(false);
  });

  it('starts over when the leader itself did not run for a while', () => {
    const liveness = new Liveness(graceMs);
    for (const at of [0, 1_000, 2_000]) liveness.observe(['a'], [0], at);
    liveness.observe(['a'], [60_000], 62_000);
    expect(liveness.silentMs('a')).toBe(0);
  });

  it('gives a node that was deleted and made again its own grace', () => {
    const liveness = new Liveness(graceMs);
    liveness.observe(['a'], [-1], 0);
    liveness.observe([], [], 4_000);
    liveness.observe(['a'], [-1], 8_000);
    expect(liveness.silentMs('a')).toBe(0);
  });
});

describe('planNode', () => {
  const plan = (node = nodeOf('n'), silentMs = 0) => planNode({ node, silentMs, graceMs, nowMs });

  it('leaves a node alone that is ready and heard of', () => {
    expect(plan(nodeOf('n'), graceMs)).toEqual({ conditions: undefined, taints: undefined, isLost: false });
  });

  it('turns a silent node Unknown and taints it, since now', () => {
    const { conditions, taints, isLost } = plan(nodeOf('n'), graceMs + 1);
    expect(isLost).toBe(true);
    expect(conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      lastTransitionTime: '1970-01-01T00:01:40Z',
    });
    expect(taints).toEqual([
      { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule', timeAdded: '1970-01-01T00:01:40Z' },
      { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '1970-01-01T00:01:40Z' },
    ]);
  });

  it('changes nothing more once that is written', () => {
    const first = plan(nodeOf('n'), graceMs + 1);
    const written = { ...nodeOf('n'), spec: { taints: first.taints! }, status: { conditions: first.conditions! } };
    expect(planNode({ node: written, silentMs: 99_999, graceMs, nowMs: nowMs + 50_000 })).toEqual({
      conditions: undefined,
      taints: undefined,
      isLost: false,
    });
  });

  it('taints a node that says it is not ready, and takes only its own taints away again', () => {
    const others = [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }];
    const down = { ...nodeOf('n', 'False'), spec: { taints: others, unschedulable: true } };
    const { taints } = plan(down);
    expect(taints?.map(({ key, effect }) => `${key}:${effect}`)).toEqual([
      'dedicated:NoSchedule',
      'node.kubernetes.io/not-ready:NoSchedule',
      'node.kubernetes.io/not-ready:NoExecute',
      'node.kubernetes.io/unschedulable:NoSchedule',
    ]);
    expect(plan({ ...nodeOf('n'), spec: { taints: taints! } }).taints).toEqual(others);
  });
});

describe('evictionTimeMs', () => {
  const taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '1970-01-01T00:01:00Z' };
  const tolerating = (...tolerations: Toleration[]) => ({ ...podOf(), spec: { containers: [], tolerations } });
  const forSeconds = (tolerationSeconds: number) => ({
    key: taint.key,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds,
  });

  it.each([
    ['tolerates nothing', tolerating(), undefined, nowMs],
    ['tolerates 300 s', tolerating(forSeconds(300)), undefined, 360_000],
    ['tolerates 300 s, capped at 5 s', tolerating(forSeconds(300)), 5_000, 65_000],
    ['tolerates 2 s, capped at 5 s', tolerating(forSeconds(2)), 5_000, 62_000],
    ['tolerates for ever, capped', tolerating({ operator: 'Exists' }), 5_000, undefined],
    ['tolerates another taint', tolerating({ key: 'x', operator: 'Exists' }), undefined, nowMs],
    ['two tolerations, the shorter counts', tolerating(forSeconds(300), forSeconds(10)), undefined, 70_000],
  ])('a pod that %s leaves at the right time', (_, pod, capMs, expected) => {
    expect(evictionTimeMs(pod, [taint], capMs, nowMs)).toBe(expected);
  });

  it('is never for taints without NoExecute', () => {
    expect(evictionTimeMs(tolerating(), [{ ...taint, effect: 'NoSchedule' }], 0, nowMs)).toBeUndefined();
  });
});

describe('planPods', () => {
  const lost = () => {
    const node = nodeOf('n', 'Unknown');
    return { ...node, spec: { taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }] } };
  };
  const pods = [podOf({ name: 'a', node: 'n', readySinceMs: 0 }), podOf({ name: 'b', node: 'n', deleting: true })];
  const plan = (isEveryNodeLost: boolean) =>
    planPods({ node: lost(), pods, isEveryNodeLost, evictionMs: undefined, hasCaughtUp: false, nowMs });

  it('marks ready pods of a lost node and evicts those that are not terminating already', () => {
    const { rewrite, evict } = plan(false);
    expect(rewrite.map(({ pod, conditions }) => [pod.metadata?.name, conditions[0]?.status])).toEqual([['a', 'False']]);
    expect(evict.map(({ metadata }) => metadata?.name)).toEqual(['a']);
  });

  it('evicts nobody while every node is lost', () => {
    expect(plan(true).evict).toEqual([]);
  });

  it('makes ready again, once the node has caught up, what it marked itself, and nothing else', () => {
    const marked = { ...pods[0]!, status: { ...pods[0]!.status, conditions: plan(false).rewrite[0]!.conditions } };
    const broken = podOf({ name: 'broken', node: 'n' });
    const back = (hasCaughtUp: boolean) =>
      planPods({
        node: nodeOf('n'),
        pods: [marked, broken],
        isEveryNodeLost: false,
        evictionMs: undefined,
        hasCaughtUp,
        nowMs,
      });
    expect(back(false).rewrite).toEqual([]);
    expect(back(true).rewrite.map(({ pod, conditions }) => [pod.metadata?.name, conditions[0]])).toEqual([
      ['a', { type: 'Ready', status: 'True', lastTransitionTime: '1970-01-01T00:01:40Z' }],
    ]);
  });
});
