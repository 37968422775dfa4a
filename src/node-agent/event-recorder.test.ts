import { expect, it } from 'vitest';
import type { KubernetesObject } from '../api/types.ts';
import { EventRecorder } from './event-recorder.ts';
import { testPod } from './testing/pods.ts';

it('reports repeats under the same name, ever more rarely', () => {
  const sent: KubernetesObject[] = [];
  const recorder = new EventRecorder('node-1', (event) => sent.push(event));
  for (let i = 0; i < 9; i++) recorder.podEvent(testPod(), 'Warning', 'Unhealthy', 'no', i * 1000);
  recorder.podEvent(testPod(), 'Warning', 'Unhealthy', 'still no', 10_000);
  expect(sent.map((event) => event.count)).toEqual([1, 2, 4, 8, 1]);
  expect(new Set(sent.map((event) => event.metadata?.name)).size).toBe(2);
  expect(sent[3]).toMatchObject({
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'web', uid: 'uid-1' },
    source: { component: 'kubelet', host: 'node-1' },
    firstTimestamp: '1970-01-01T00:00:00Z',
    lastTimestamp: '1970-01-01T00:00:07Z',
  });
});

it('names events so that those of one instant stay in their order', () => {
  const names: string[] = [];
  const recorder = new EventRecorder('node-1', (event) => names.push(event.metadata!.name!));
  const nowMs = Date.parse('2026-01-02T03:04:05Z');
  for (const reason of ['Pulled', 'Created', 'Started']) recorder.podEvent(testPod(), 'Normal', reason, '', nowMs);
  expect(names).toEqual(['web.1886caf21c963200', 'web.1886caf21c963201', 'web.1886caf21c963202']);
});
