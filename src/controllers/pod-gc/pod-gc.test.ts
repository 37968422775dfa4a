import { afterEach, beforeEach, expect, it } from 'vitest';
import { resources } from '../../api/types.ts';
import { ManualClock } from '../../lib/clock.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { nodeOf, podOf } from '../testing/objects.ts';
import { PodGcController } from './controller.ts';

let h: Harness;
let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
  h = harness(clock);
  void new PodGcController(h.context, { terminatedLimit: 2 }).run();
});
afterEach(() => h.stop());
const names = () => h.client.all(resources.pods).map(({ metadata }) => metadata?.name);

it('removes the pods of a node that is deleted, and no others', async () => {
  for (const name of ['n1', 'n2']) h.client.seed(resources.nodes, nodeOf(name));
  h.client.seed(resources.pods, podOf({ name: 'a', node: 'n1', deleting: true }));
  h.client.seed(resources.pods, podOf({ name: 'b', node: 'n1' }));
  h.client.seed(resources.pods, podOf({ name: 'c', node: 'n2' }));
  h.client.seed(resources.pods, podOf({ name: 'd' }));
  await h.client.idle();
  h.client.remove(resources.nodes, { name: 'n1' });
  await h.client.until(() => names().length === 2);
  expect(names()).toEqual(['c', 'd']);
});

it('believes the API, not a cache of nodes that is behind', async () => {
  await h.client.idle();
  h.client.holdWatches(resources.nodes);
  h.client.seed(resources.nodes, nodeOf('new'));
  h.client.seed(resources.pods, podOf({ name: 'a', node: 'new' }));
  await h.client.idle();
  expect(names()).toEqual(['a']);
});

it('removes a deleted pod that never had a node', async () => {
  h.client.seed(resources.pods, podOf({ name: 'a', deleting: true }));
  await h.client.until(() => names().length === 0);
});

it('keeps only the newest terminated pods over the limit', async () => {
  h.client.seed(resources.nodes, nodeOf('n1'));
  for (let i = 0; i < 4; i++)
    h.client.seed(resources.pods, podOf({ name: `t${i}`, node: 'n1', phase: 'Succeeded', createdMs: i * 1000 }));
  h.client.seed(resources.pods, podOf({ name: 'running', node: 'n1' }));
  await h.client.idle();
  clock.advance(30_000);
  await h.client.until(() => names().length === 3);
  expect(names()).toEqual(['t2', 't3', 'running']);
});
