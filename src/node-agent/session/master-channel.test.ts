import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DispatcherService } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { ManualClock, systemClock } from '../../lib/clock.ts';
import { FakeDispatcher } from '../testing/fake-dispatcher.ts';
import { type DispatcherClient, MasterChannel, REACH_TIMEOUT_MS } from './master-channel.ts';
import { reach } from './reach.ts';

let master: FakeDispatcher;
let channel: MasterChannel;
beforeEach(async () => {
  master = new FakeDispatcher();
  await master.start();
  channel = new MasterChannel(master.address, grpc.credentials.createInsecure(), systemClock);
});
afterEach(() => {
  channel.close();
  master.stop();
});

async function beat(client: DispatcherClient) {
  const stream = client.bidiStream(DispatcherService.method.heartbeat);
  const before = master.heartbeats;
  const failed = new Promise<void>((resolve) => stream.once('error', () => resolve()));
  stream.resume().write({ incarnation: 'a' });
  await master.until(() => master.heartbeats > before);
  return { failed };
}

it('MasterChannel gives everybody the same client while its connection is good', async () => {
  const [one, two] = await Promise.all([channel.connect(), channel.connect()]);
  expect(two).toBe(one);
  await beat(one);
  expect(await channel.connect()).toBe(one);
});

it('MasterChannel connects anew after its connection broke, and when it is no longer trusted', async () => {
  const first = await channel.connect();
  const { failed } = await beat(first);
  const { address } = master;
  master.stop();
  await failed;
  await expect(channel.connect()).rejects.toThrow('ECONNREFUSED');
  master = new FakeDispatcher();
  await master.start(address);
  const second = await channel.connect();
  expect(second).not.toBe(first);
  await beat(second);
  channel.distrust(first);
  expect(await channel.connect()).toBe(second);
  channel.distrust(second);
  const third = await channel.connect();
  expect(third).not.toBe(second);
  await beat(third);
});

it('reach gives up after its time, and at once when nobody waits any more', async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  const late = reach(master.address, REACH_TIMEOUT_MS, clock, signal);
  clock.advance(REACH_TIMEOUT_MS);
  await expect(late).rejects.toThrow(`${master.address} does not answer within ${REACH_TIMEOUT_MS} ms`);
  await expect(reach(master.address, REACH_TIMEOUT_MS, clock, AbortSignal.abort())).rejects.toThrow();
  await reach(master.address, REACH_TIMEOUT_MS, clock, signal);
});
