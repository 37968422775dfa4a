import { type AddressInfo, createServer, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PodStatus } from '../../api/generated/types/core-v1.ts';
import { Assignment_Action, StatusUpdate_Kind } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { ManualClock, systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { FakeDispatcher } from '../testing/fake-dispatcher.ts';
import { testPod } from '../testing/pods.ts';
import { masterOrder } from './masters.ts';
import { MAX_BATCH_UPDATES, MAX_PENDING_EVENTS, Outbox } from './outbox.ts';
import { Session } from './session.ts';
import { type WantedChange, WantedSet } from './wanted-set.ts';

describe('WantedSet', () => {
  const set = (name: string, value = 1) => ({
    action: Assignment_Action.SET,
    resource: 'pods',
    namespace: 'n',
    name,
    object: Buffer.from(JSON.stringify({ value })),
  });
  type Input = Parameters<WantedSet['apply']>[0];
  const apply = (wanted: WantedSet, changes: object[], revision: bigint) =>
    wanted.apply(changes as unknown as Input, revision);

  it('drops what a full set does not name, once it is whole', () => {
    const wanted = new WantedSet();
    wanted.beginSession(true);
    apply(wanted, [set('a'), set('b')], 5n);
    wanted.beginSession(true);
    expect(apply(wanted, [set('b', 2)], 0n).map(({ name }) => name)).toEqual(['b']);
    expect(wanted.revision).toBe(5n);
    expect(wanted.get('pods', 'n', 'a')).toBeDefined();
    const last = apply(wanted, [set('c')], 9n);
    expect(last.map(({ name, object }) => [name, object !== undefined])).toEqual([
      ['c', true],
      ['a', false],
    ]);
    expect(wanted.revision).toBe(9n);
  });

  it('keeps what changes do not name, and survives a restart', () => {
    const wanted = new WantedSet();
    wanted.beginSession(true);
    apply(wanted, [set('a'), set('b')], 5n);
    wanted.beginSession(false);
    apply(wanted, [{ ...set('b'), action: Assignment_Action.REMOVE }], 6n);
    const restored = WantedSet.restore(JSON.parse(JSON.stringify(wanted.state())));
    expect([...restored.values()].map(({ name }) => name)).toEqual(['a']);
    expect(restored.revision).toBe(6n);
  });
});

describe('Outbox', () => {
  const status = (name: string, text = '') => ({
    kind: StatusUpdate_Kind.POD_STATUS,
    namespace: 'n',
    name,
    uid: name,
    object: Buffer.from(text),
  });

  it('keeps only the latest status of a pod, one batch at a time', () => {
    const outbox = new Outbox();
    outbox.add(status('a', 'old'));
    outbox.add(status('b'));
    outbox.add(status('a', 'new'));
    const batch = outbox.next();
    expect(batch?.updates.map(({ name, object }) => `${name} ${object}`)).toEqual(['a new', 'b ']);
    outbox.add(status('c'));
    expect(outbox.next()).toBeUndefined();
    expect(outbox.acknowledge(99n)).toBeUndefined();
    expect(outbox.acknowledge(batch!.sequence)).toBe(batch);
    expect(outbox.next()?.updates).toHaveLength(1);
  });

  it('bounds batches and pending events', () => {
    const outbox = new Outbox();
    for (let i = 0; i < MAX_BATCH_UPDATES + 1; i++) outbox.add(status(`p${i}`));
    expect(outbox.next()?.updates).toHaveLength(MAX_BATCH_UPDATES);
    const events = new Outbox();
    for (let i = 0; i < MAX_PENDING_EVENTS + 5; i++) events.add({ ...status(`e${i}`), kind: StatusUpdate_Kind.EVENT });
    expect(events.next()?.updates[0]?.name).toBe('e5');
  });
});

it('masterOrder differs between nodes and stays for one', () => {
  const masters = ['a:1', 'b:1', 'c:1'];
  const orders = new Set(Array.from({ length: 30 }, (_, i) => masterOrder(masters, `node-${i}`).join()));
  expect(orders.size).toBe(6);
  expect(masterOrder(masters, 'x')).toEqual(masterOrder(masters.toReversed(), 'x'));
});

describe('Session', () => {
  let masters: FakeDispatcher[];
  let session: Session | undefined;
  let wanted: WantedSet;
  let changes: WantedChange[];
  /** What the node's pods are like. */
  let statuses: { pod: ReturnType<typeof testPod>; status: PodStatus }[];
  beforeEach(async () => {
    masters = [new FakeDispatcher(), new FakeDispatcher()];
    await Promise.all(masters.map((master) => master.start()));
    wanted = new WantedSet();
    changes = [];
    statuses = [];
  });
  afterEach(() => {
    session?.stop();
    for (const master of masters) master.stop();
  });

  function start(): Session {
    session = new Session({
      nodeName: 'node-1',
      masters: masters.map(({ address }) => address),
      credentials: grpc.credentials.createInsecure(),
      wanted,
      clock: systemClock,
      logger: silentLogger,
      random: () => 0,
      node: () => ({ metadata: { name: 'node-1' } }),
      podStatuses: () => statuses,
      onChanges: (more) => changes.push(...more),
    });
    session.start();
    return session;
  }

  const greeted = () => masters.find(({ hellos }) => hellos.length > 0);
  /** The master that the session is with. */
  async function home(): Promise<FakeDispatcher> {
    await Promise.race(masters.map((master) => master.until(() => master.hellos.length > 0)));
    return greeted()!;
  }

  it('says hello, takes in assignments, and sends heartbeats to every master', async () => {
    for (const master of masters) master.set(testPod());
    const running = start();
    const master = await home();
    expect(master.hellos[0]).toMatchObject({ incarnation: running.incarnation, resumeRevision: 0n });
    await Promise.all(masters.map((each) => each.until(() => each.heartbeats >= 2)));
    running.sendPodStatus(testPod(), { phase: 'Running' });
    await master.until(() => master.podStatus('web') !== undefined);
    expect(changes).toMatchObject([{ resource: 'pods', namespace: 'default', name: 'web' }]);
  });

  it('goes to another master, resumes there, and sends again what was not acknowledged', async () => {
    for (const master of masters) master.acknowledges = false;
    const running = start();
    const first = await home();
    const second = masters.find((master) => master !== first)!;
    running.sendPodStatus(testPod(), { phase: 'Running' });
    await first.until(() => first.podStatus('web') !== undefined);
    running.sendPodStatus(testPod(), { phase: 'Failed' });
    running.sendPodGone(testPod());
    second.acknowledges = true;
    first.stop();
    await second.until(() => second.isGone('web'));
    expect(second.hellos[0]?.resumeRevision).toBe(wanted.revision);
    const kinds = second.updates.map(({ kind, object }) => [kind, (object as { phase?: string } | undefined)?.phase]);
    expect(kinds).toEqual([
      [StatusUpdate_Kind.POD_STATUS, 'Running'],
      [StatusUpdate_Kind.POD_STATUS, 'Failed'],
      [StatusUpdate_Kind.POD_GONE, undefined],
    ]);
  });

  it('begins each session with the status of every pod, after what was under way', async () => {
    const running = start();
    const first = await home();
    const second = masters.find((master) => master !== first)!;
    running.sendPodStatus(testPod(), { phase: 'Pending' });
    await first.until(() => first.podStatus('web') !== undefined);
    first.acknowledges = false;
    running.sendPodGone(testPod({}, { name: 'old' }));
    await first.until(() => first.isGone('old'));
    statuses = ['web', 'db'].map((name) => ({ pod: testPod({}, { name }), status: { phase: 'Running' } }));
    first.stop();
    await second.until(() => second.podStatus('db') !== undefined);
    expect(second.updates.map(({ kind, name }) => [kind, name])).toEqual([
      [StatusUpdate_Kind.POD_GONE, 'old'],
      [StatusUpdate_Kind.POD_STATUS, 'web'],
      [StatusUpdate_Kind.POD_STATUS, 'db'],
    ]);
  });

  it('leaves a master that takes connections and says nothing, and gives it a new one the next time', async () => {
    const silent = new SilentServer();
    const clock = new ManualClock();
    const lost = Promise.withResolvers<void>();
    session = new Session({
      nodeName: 'node-1',
      masters: [await silent.listen()],
      credentials: grpc.credentials.createInsecure(),
      wanted,
      clock,
      logger: Object.assign(Object.create(silentLogger), { info: () => lost.resolve() }),
      random: () => 0,
      node: () => ({}),
      podStatuses: () => [],
      onChanges: () => undefined,
    });
    session.start();
    // One to see whether it answers, one for the session.
    await silent.connected(2);
    clock.advance(6_000);
    await lost.promise;
    clock.advance(1_000);
    await silent.connected(4);
    silent.close();
  });

  it('changes nothing while no master is there, and reports once one is back', async () => {
    for (const master of masters) master.set(testPod());
    const running = start();
    const master = await home();
    running.sendPodStatus(testPod(), { phase: 'Pending' });
    await master.until(() => master.podStatus('web') !== undefined);
    const before = changes.length;
    for (const each of masters) each.stop();
    running.sendPodStatus(testPod(), { phase: 'Running' });
    const { address } = masters[0]!;
    const back = new FakeDispatcher();
    back.set(testPod());
    await back.start(address);
    masters.push(back);
    await back.until(() => back.podStatus('web')?.phase === 'Running');
    expect(changes.slice(before).every(({ object }) => object !== undefined)).toBe(true);
  });
});

/** Takes connections and never says a word. */
class SilentServer {
  readonly #sockets: Socket[] = [];
  readonly #server = createServer((socket) => {
    this.#sockets.push(socket.on('error', () => undefined).resume());
    this.#changed();
  });
  #changed = () => {};

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves once there have been so many connections in all. */
  async connected(count: number): Promise<void> {
    while (this.#sockets.length < count)
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
