import { describe, expect, it } from 'vitest';
import type { Event } from '../api/generated/types/core-v1.ts';
import { ApiError } from '../api/status.ts';
import { resources } from '../api/types.ts';
import { silentLogger } from '../lib/logger.ts';
import { EventRecorder } from './events.ts';
import { FakeApiClient } from './testing/fake-api-client.ts';

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n', uid: 'u', resourceVersion: '5' } };
const recorderOf = (client: FakeApiClient) => new EventRecorder({ client, component: 'test', logger: silentLogger });

describe('EventRecorder', () => {
  it('writes repeats as one event with a count, also when they come while the first is being written', async () => {
    const client = new FakeApiClient();
    const recorder = recorderOf(client);
    for (let i = 0; i < 3; i++) recorder.record(pod, 'Normal', 'Pulled', 'image is there');
    await client.idle();
    recorder.record(pod, 'Normal', 'Pulled', 'image is there');
    recorder.record(pod, 'Warning', 'Failed', 'other');
    await client.idle();
    const events = client.all<Event>(resources.events, 'n');
    expect(events.map((event) => [event.reason, event.count, event.type])).toEqual([
      ['Pulled', 4, 'Normal'],
      ['Failed', 1, 'Warning'],
    ]);
    expect(events[0]?.involvedObject).toMatchObject({ kind: 'Pod', name: 'p', namespace: 'n', uid: 'u' });
  });

  it('makes a new event when the old one has expired', async () => {
    const client = new FakeApiClient();
    const recorder = recorderOf(client);
    recorder.record(pod, 'Normal', 'A', 'b');
    await client.idle();
    client.remove(resources.events, { namespace: 'n', name: client.all(resources.events)[0]!.metadata!.name! });
    recorder.record(pod, 'Normal', 'A', 'b');
    await client.idle();
    expect(client.all<Event>(resources.events).map((event) => event.count)).toEqual([1]);
  });

  it('does not fail its caller when the server refuses', async () => {
    const client = new FakeApiClient();
    client.intercept = () => {
      throw new ApiError('Forbidden', 'no');
    };
    recorderOf(client).record(pod, 'Normal', 'A', 'b');
    await client.idle();
    expect(client.all(resources.events)).toEqual([]);
  });
});
