import { afterEach, describe, expect, it } from 'vitest';
import type { ConfigMap } from '../api/generated/types/core-v1.ts';
import { ApiError } from '../api/status.ts';
import { resources } from '../api/types.ts';
import { ManualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { Informer } from './informer.ts';
import { FakeApiClient } from './testing/fake-api-client.ts';

const configMap = (name: string, namespace = 'default'): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
});
const key = (name: string) => ({ namespace: 'default', name });

const stop: AbortController[] = [];
afterEach(() => {
  for (const controller of stop.splice(0)) controller.abort();
});

function start(client: FakeApiClient, clock?: ManualClock, keep?: (object: ConfigMap) => ConfigMap) {
  const controller = new AbortController();
  stop.push(controller);
  const indexers = { team: (object: ConfigMap) => (object.data?.team ? [object.data.team] : []) };
  const informer = new Informer<ConfigMap>({
    client,
    resource: resources.configMaps,
    indexers,
    logger: silentLogger,
    clock,
    keep,
  });
  const log: string[] = [];
  informer.addHandler({
    add: (object) => log.push(`add ${object.metadata?.name}`),
    update: (object, old) => log.push(`update ${object.metadata?.name} ${old.data?.team}->${object.data?.team}`),
    delete: (object) => log.push(`delete ${object.metadata?.name}`),
  });
  const ended = informer.run(controller.signal);
  return { informer, log, controller, ended };
}

describe('Informer', () => {
  it('tells adds, updates with the old state, and deletes, and keeps its indexes exact', async () => {
    const client = new FakeApiClient();
    await client.create(resources.configMaps, configMap('a'));
    const { informer, log } = start(client);
    expect(await informer.synced).toBe(true);
    await client.create(resources.configMaps, configMap('b', 'other'));
    await client.patch(resources.configMaps, key('a'), 'merge', { data: { team: 'x' } });
    await client.patch(resources.configMaps, key('a'), 'merge', { data: { team: 'y' } });
    await client.idle();
    expect(informer.byIndex('team', 'x')).toEqual([]);
    expect(informer.byIndex('team', 'y')).toHaveLength(1);
    expect(informer.byNamespace('other')).toHaveLength(1);
    await client.delete(resources.configMaps, key('a'));
    await client.idle();
    expect(log).toEqual(['add a', 'add b', 'update a undefined->x', 'update a x->y', 'delete a']);
    expect(informer.revision).toBe(Number(client.revision));
    expect(informer.byIndex('team', 'y')).toEqual([]);
  });

  it('relists after 410 and tells what happened meanwhile, a re-created object as delete and add', async () => {
    const client = new FakeApiClient();
    await client.create(resources.configMaps, configMap('kept'));
    await client.create(resources.configMaps, configMap('gone'));
    await client.create(resources.configMaps, configMap('again'));
    const { informer, log } = start(client);
    await informer.synced;
    log.length = 0;
    client.holdWatches(resources.configMaps);
    await client.delete(resources.configMaps, key('gone'));
    await client.delete(resources.configMaps, key('again'));
    await client.create(resources.configMaps, configMap('again'));
    await client.create(resources.configMaps, configMap('new'));
    client.compact();
    client.releaseWatches();
    await client.idle();
    expect(log).toEqual(['delete gone', 'delete again', 'add again', 'add new']);
    expect(client.calls.filter((call) => call.verb === 'list')).toHaveLength(2);
  });

  it('waits longer after each failure in a row and then recovers', async () => {
    const client = new FakeApiClient();
    const clock = new ManualClock();
    client.intercept = () => {
      throw new ApiError('ServiceUnavailable', 'no leader');
    };
    const { informer } = start(client, clock);
    for (const wait of [50, 100, 200]) {
      await client.idle();
      const before = client.calls.length;
      clock.advance(wait - 1);
      await client.idle();
      expect(client.calls).toHaveLength(before);
      clock.advance(1);
      await client.idle();
      expect(client.calls).toHaveLength(before + 1);
    }
    client.intercept = undefined;
    clock.advance(400);
    expect(await informer.synced).toBe(true);
  });

  it('ends when the signal aborts, also before it has synced', async () => {
    const client = new FakeApiClient();
    client.intercept = (call) => (call.verb === 'list' ? new Promise<void>(() => undefined) : undefined);
    const { informer, controller } = start(client);
    controller.abort();
    expect(await informer.synced).toBe(false);
    client.intercept = undefined;
    const second = start(client);
    await second.informer.synced;
    second.controller.abort();
    await second.ended;
  });

  it('keeps of an object what it was told to keep, listed or watched', async () => {
    const client = new FakeApiClient();
    const large = (name: string) => ({ ...configMap(name), data: { large: 'x' } });
    await client.create(resources.configMaps, large('listed'));
    const { informer, log } = start(client, undefined, ({ data: _data, ...rest }) => rest);
    await informer.synced;
    await client.create(resources.configMaps, large('watched'));
    await client.idle();
    expect(log).toEqual(['add listed', 'add watched']);
    for (const name of ['listed', 'watched']) {
      const kept = informer.get(`default/${name}`)!;
      expect(kept.metadata?.uid).toBeDefined();
      expect(kept.data).toBeUndefined();
    }
  });

  it('a large list lets others have their turn', async () => {
    const client = new FakeApiClient();
    for (let i = 0; i < 50; i++) await client.create(resources.configMaps, configMap(`m${i}`));
    const { informer } = start(client);
    const turns: number[] = [];
    let told = 0;
    informer.addHandler({
      add: () => {
        told++;
        for (const endMs = performance.now() + 1; performance.now() < endMs; );
      },
    });
    const timer = setInterval(() => turns.push(told), 1);
    await informer.synced;
    clearInterval(timer);
    expect(told).toBe(50);
    expect(turns.some((seen) => seen > 0 && seen < 50)).toBe(true);
  });

  it('goes on when a handler throws', async () => {
    const client = new FakeApiClient();
    const { informer, log } = start(client);
    informer.addHandler({
      add: () => {
        throw new Error('a bug in a consumer');
      },
    });
    await client.create(resources.configMaps, configMap('a'));
    await client.create(resources.configMaps, configMap('b'));
    await informer.synced;
    await client.idle();
    expect(log).toEqual(['add a', 'add b']);
  });
});
