import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Assignment_Action as Action } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { NetworkService } from '../../gen/trimast/network/v1/network_pb.ts';
import { systemClock } from '../../lib/clock.ts';
import { addService } from '../../lib/grpc.ts';
import { silentLogger } from '../../lib/logger.ts';
import { NetworkView } from '../../network/view.ts';
import { NetworkFeed } from './feed.ts';

let folder: string;
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trimast-feed-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

type Stream = Parameters<Parameters<typeof addService<typeof NetworkService>>[2]['watchNetwork']>[0];

async function fakeMaster() {
  const streams: Stream[] = [];
  let wake = () => {};
  const server = new grpc.Server();
  addService(server, NetworkService, {
    watchNetwork: (stream) => {
      stream.on('error', () => {});
      streams.push(stream);
      wake();
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  cleanups.push(() => server.forceShutdown());
  const call = async (number: number): Promise<Stream> => {
    while (streams.length < number)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return streams[number - 1]!;
  };
  return { address: `127.0.0.1:${port}`, call };
}

function startFeed(...masters: string[]) {
  const view = new NetworkView();
  const feed = new NetworkFeed({
    nodeName: 'n1',
    masters,
    credentials: grpc.credentials.createInsecure(),
    view,
    file: join(folder, 'network.json'),
    clock: systemClock,
    logger: silentLogger,
    random: () => 0,
  });
  cleanups.push(() => feed.stop());
  const until = (check: () => boolean) =>
    new Promise<void>((resolve) => {
      const end = view.subscribe(() => {
        if (!check()) return;
        resolve();
        queueMicrotask(() => end());
      });
    });
  return { view, feed, until, started: feed.start() };
}

const service = (name: string, resourceVersion: string) => ({
  action: Action.SET,
  resource: 'services',
  namespace: 'default',
  name,
  object: Buffer.from(JSON.stringify({ metadata: { namespace: 'default', name, resourceVersion } })),
});

it('takes in the full set, resumes where the stream broke, and begins with that after a restart without masters', async () => {
  const master = await fakeMaster();
  const { view, feed, until } = startFeed(master.address);
  const first = await master.call(1);
  expect(first.request.resumeRevision).toBe(0n);
  first.write({ full: true, changes: [service('a', '3')], revision: 3n });
  await until(() => view.complete);
  first.emit('error', { code: grpc.status.UNAVAILABLE, details: 'shutting down' });
  const second = await master.call(2);
  expect(second.request.resumeRevision).toBe(3n);
  second.write({ full: false, changes: [service('b', '4')], revision: 4n });
  await until(() => view.services.size === 2);
  await feed.stop();
  const again = startFeed();
  await again.started;
  expect([...again.view.services.keys()]).toEqual(['default/a', 'default/b']);
  expect(again.view.revision).toBe(4n);
});

it('leaves a master whose message it does not understand', async () => {
  const master = await fakeMaster();
  const { view, until } = startFeed(master.address);
  const first = await master.call(1);
  first.write({ full: true, changes: [{ ...service('a', '1'), object: Buffer.from('{') }], revision: 1n });
  const second = await master.call(2);
  second.write({ full: true, changes: [service('a', '1')], revision: 1n });
  await until(() => view.complete);
  expect(view.services.size).toBe(1);
});
