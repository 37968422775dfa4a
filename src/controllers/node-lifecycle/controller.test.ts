import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { ReplicaSetController } from '../replicaset/controller.ts';
import { replicaSetKind } from '../replicaset/kinds.ts';
import { type Harness, harness, ManualClock } from '../testing/harness.ts';
import { nodeOf, podOf, replicaSetOf } from '../testing/objects.ts';
import { NodeLifecycleController } from './controller.ts';

let h: Harness;
let clock: ManualClock;
const lastHeardMs = new Map<string, number>();
/** Holds answers back, as another master does that is slow. */
let answer: (agesMs: number[]) => Promise<number[]>;
const ready = (name: string) =>
  h.client.find<Node>(resources.nodes, { name })?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
const taints = (name: string) =>
  (h.client.find<Node>(resources.nodes, { name })?.spec?.taints ?? []).map(({ effect }) => effect);
const pod = (name: string) => h.client.find<Pod>(resources.pods, { namespace: 'default', name });

/** Time passes; the nodes named are heard of all the while. */
async function pass(durationMs: number, ...alive: string[]): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += 500) {
    clock.advance(500);
    for (const name of alive) lastHeardMs.set(name, clock.nowMs());
    await h.client.idle(8);
  }
}

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  h = harness(clock);
  lastHeardMs.clear();
  answer = async (agesMs) => agesMs;
  const lastSeen = async (nodes: string[]) =>
    answer(nodes.map((name) => clock.nowMs() - (lastHeardMs.get(name) ?? clock.nowMs() + 1)));
  void new NodeLifecycleController(h.context, { lastSeen, graceMs: 5_000, evictionMs: 3_000 }).run();
  void new ReplicaSetController(h.context, replicaSetKind).run();
  for (const name of ['n1', 'n2']) h.client.seed(resources.nodes, nodeOf(name));
});
afterEach(() => h.stop());

it('replaces the pods of a dead worker, and takes the taints away when it is back', async () => {
  const set = h.client.seed(resources.replicaSets, replicaSetOf('rs', 1));
  const tolerations = [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }];
  const victim = podOf({ name: 'victim', owner: set, node: 'n1', readySinceMs: 0 });
  h.client.seed(resources.pods, { ...victim, spec: { ...victim.spec!, tolerations } });
  await pass(20_000, 'n1', 'n2');
  expect([ready('n1'), taints('n1')]).toEqual(['True', []]);

  await pass(5_000, 'n2');
  expect(ready('n1')).toBe('True');
  await pass(1_500, 'n2');
  expect([ready('n1'), ready('n2')]).toEqual(['Unknown', 'True']);
  expect(taints('n1')).toEqual(['NoSchedule', 'NoExecute']);
  expect(pod('victim')?.status?.conditions?.[0]?.status).toBe('False');
  expect(pod('victim')?.metadata?.deletionTimestamp).toBeUndefined();

  await pass(4_000, 'n2');
  expect(pod('victim')?.metadata?.deletionTimestamp).toBeDefined();
  expect(h.client.all(resources.pods)).toHaveLength(2);

  h.client.change<Node>(resources.nodes, { name: 'n1' }, (node) => {
    node.status = nodeOf('n1').status;
  });
  await pass(2_000, 'n1', 'n2');
  expect([ready('n1'), taints('n1')]).toEqual(['True', []]);
});

it('makes pods ready again when their node is back before they had to leave', async () => {
  const tolerations = [{ operator: 'Exists' }];
  const patient = podOf({ name: 'patient', node: 'n1', readySinceMs: 0 });
  h.client.seed(resources.pods, { ...patient, spec: { ...patient.spec!, tolerations } });
  const readiness = () => pod('patient')?.status?.conditions?.[0]?.status;
  await pass(1_000, 'n1', 'n2');
  await pass(7_000, 'n2');
  expect(readiness()).toBe('False');
  h.client.change<Node>(resources.nodes, { name: 'n1' }, (node) => {
    node.status = nodeOf('n1').status;
  });
  await pass(1_000, 'n1', 'n2');
  expect(readiness()).toBe('False');
  await pass(1_500, 'n1', 'n2');
  expect(readiness()).toBe('True');
  expect(pod('patient')?.metadata?.deletionTimestamp).toBeUndefined();
});

it('does not declare a node lost again that came back after the last look', async () => {
  await pass(1_000, 'n1', 'n2');
  await pass(7_000, 'n2');
  expect(ready('n1')).toBe('Unknown');
  const before = h.client.calls.length;
  // No time passes: the next regular round is not due yet.
  lastHeardMs.set('n1', clock.nowMs());
  h.client.change<Node>(resources.nodes, { name: 'n1' }, (node) => {
    node.status = nodeOf('n1').status;
  });
  await h.client.idle();
  expect(ready('n1')).toBe('True');
  const written = h.client.calls.slice(before).filter(({ subresource }) => subresource === 'status');
  expect(written).toEqual([]);
});

it('does not declare a node lost by a question that was asked before its return', async () => {
  await pass(1_000, 'n1', 'n2');
  await pass(7_000, 'n2');
  const held: (() => void)[] = [];
  answer = (agesMs) => new Promise((resolve) => held.push(() => resolve(agesMs)));
  clock.advance(1_000);
  await h.client.idle();
  expect(held).toHaveLength(1);
  lastHeardMs.set('n1', clock.nowMs());
  h.client.change<Node>(resources.nodes, { name: 'n1' }, (node) => {
    node.status = nodeOf('n1').status;
  });
  await h.client.idle();
  answer = async (agesMs) => agesMs;
  held[0]!();
  await h.client.idle();
  expect([ready('n1'), taints('n1')]).toEqual(['True', []]);
});

it('evicts nobody when no node is heard of, since then the fault is ours', async () => {
  h.client.seed(resources.pods, podOf({ name: 'p', node: 'n1', readySinceMs: 0 }));
  await pass(30_000);
  expect([ready('n1'), ready('n2')]).toEqual(['Unknown', 'Unknown']);
  expect(pod('p')?.metadata?.deletionTimestamp).toBeUndefined();
});
