/** Two members' transports over real TLS: what arrives, what overtakes, what is taken up again. */
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Message, message } from '../core/types.ts';
import { SnapshotWriter, snapshotPath } from '../snapshot-file.ts';
import { createTestCa, type TestCa } from '../test-certificates.ts';
import type { Received } from './batch-codec.ts';
import type { PeerTls } from './channel.ts';
import { GrpcTransport } from './grpc-transport.ts';

let dir: string;
let ca: TestCa;
const ends: (() => void)[] = [];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-transport-'));
  ca = await createTestCa(join(dir, 'tls'));
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
  rmSync(dir, { recursive: true, force: true });
});

interface TestMember {
  readonly transport: GrpcTransport;
  readonly address: string;
  readonly dir: string;
  readonly tls: PeerTls;
  readonly removedAt: number[];
  readonly corrupt: Error[];
  readonly gone: number[];
  /** Resolves with the first message that fits. */
  until(fits: (message: Message) => boolean): Promise<Message>;
}

async function start(id: number, options: { snapshotBytesPerSecond?: number } = {}): Promise<TestMember> {
  const waiting = new Set<(received: Received) => void>();
  const removedAt: number[] = [];
  const corrupt: Error[] = [];
  const gone: number[] = [];
  const memberDir = join(dir, `m${id}`);
  const tls = await ca.issue(`m${id}`, 'trimast:masters');
  const probe = createServer();
  const port = await new Promise<number>((resolve) =>
    probe.listen(0, '127.0.0.1', () => {
      const bound = (probe.address() as { port: number }).port;
      probe.close(() => resolve(bound));
    }),
  );
  const transport = new GrpcTransport({
    clusterId: 'c',
    memberId: id,
    self: { name: `m${id}`, address: `127.0.0.1:${port}` },
    tls,
    dataDir: memberDir,
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    onReceived: (_, received) => {
      for (const one of waiting) one(received);
    },
    onPeerLost: () => undefined,
    onPeerGone: (peerId) => gone.push(peerId),
    onRemoved: (index) => removedAt.push(index),
    onCorrupt: (error) => corrupt.push(error),
    ...options,
  });
  await transport.start('127.0.0.1', port);
  ends.push(() => transport.stop());
  const until = (fits: (found: Message) => boolean) =>
    new Promise<Message>((resolve) => {
      const listener = ({ messages }: Received) => {
        const found = messages.find(fits);
        if (!found) return;
        waiting.delete(listener);
        resolve(found);
      };
      waiting.add(listener);
    });
  return { transport, address: `127.0.0.1:${port}`, dir: memberDir, tls, removedAt, corrupt, gone, until };
}

const peer = (id: number, address: string) => ({ id, name: `m${id}`, address });
const know = (member: TestMember, configurationIndex: number, ...peers: ReturnType<typeof peer>[]) =>
  member.transport.setPeers({ peers, configurationIndex });

/** Sends again and again, as Raft does, until it arrives. */
async function arrives(from: TestMember, to: TestMember, sent: Message): Promise<Message> {
  const arrived = to.until(({ type, context }) => type === sent.type && context === sent.context);
  const timer = setInterval(() => from.transport.send(sent.to, [sent]), 10);
  try {
    return await arrived;
  } finally {
    clearInterval(timer);
  }
}

const heartbeat = (from: number, to: number, context: number) =>
  message({ type: 'heartbeat', from, to, term: 3, context });

test('members talk, a peer that moves is reached at its new address, one that is removed is cut off', async () => {
  const [one, two, three] = [await start(1), await start(2), await start(3)];
  know(one, 0, peer(2, two.address));
  know(two, 0, peer(1, one.address));
  expect(await arrives(one, two, heartbeat(1, 2, 7))).toMatchObject({ from: 1, to: 2, term: 3 });
  // The same id at another place: three speaks as member 3, so it is not taken for member 2.
  know(one, 1, peer(3, three.address));
  know(three, 1, peer(1, one.address));
  await arrives(one, three, heartbeat(1, 3, 8));
  await arrives(three, one, heartbeat(3, 1, 9));
});

test('a caller whom this member does not know yet is heard, and answered where it says it is', async () => {
  const [one, two] = [await start(1), await start(2)];
  know(one, 9, peer(2, two.address));
  await arrives(one, two, heartbeat(1, 2, 1));
  await arrives(two, one, heartbeat(2, 1, 2));
});

test('a member that was removed is told so', async () => {
  const [one, two] = [await start(1), await start(2)];
  know(one, 5, peer(2, two.address));
  know(two, 5, peer(1, one.address));
  await arrives(one, two, heartbeat(1, 2, 1));
  know(one, 8);
  for (;;) {
    if (two.removedAt.includes(8)) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};

test('a peer whose process ends is seen gone; one that is out of reach, or whose connection breaks, is not', async () => {
  const [one, two] = [await start(1), await start(2)];
  const booth = await tollbooth(two.address);
  know(one, 0, peer(2, booth.address));
  know(two, 0, peer(1, one.address));
  await arrives(one, two, heartbeat(1, 2, 1));
  await arrives(two, one, heartbeat(2, 1, 2));
  booth.cutAll();
  await arrives(one, two, heartbeat(1, 2, 3));
  // Refused, but still heard: the way there is barred, the peer lives.
  booth.close();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(one.gone).toEqual([]);
  two.transport.stop();
  await until(() => one.gone.includes(2));
});

/** Forwards connections, and can stop reading on those that carry much. */
async function tollbooth(
  target: string,
): Promise<{ address: string; stall: (limitBytes: number) => void; cutAll: () => void; close: () => void }> {
  let limit = Number.POSITIVE_INFINITY;
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    const [host, port] = target.split(':');
    const out = connectSocket(Number(port), host!);
    let bytes = 0;
    socket.on('data', (data) => {
      bytes += data.length;
      out.write(data);
      if (bytes > limit) socket.pause();
    });
    out.pipe(socket);
    for (const one of [socket, out]) {
      one.on('error', () => undefined);
      one.on('close', () => {
        socket.destroy();
        out.destroy();
      });
      sockets.push(one);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as { port: number }).port}`,
    stall: (limitBytes) => {
      limit = limitBytes;
    },
    cutAll,
    close: () => {
      server.close();
      cutAll();
    },
  };
}

test('heartbeats arrive while the stream of entries stands still with every buffer full', async () => {
  const [one, two] = [await start(1), await start(2)];
  const booth = await tollbooth(two.address);
  know(one, 0, peer(2, booth.address));
  know(two, 0, peer(1, one.address));
  await arrives(one, two, heartbeat(1, 2, 1));
  const command = new Uint8Array(1 << 20);
  const append = (context: number) =>
    message({
      type: 'append',
      from: 1,
      to: 2,
      context,
      entries: [{ index: 1, term: 1, kind: 'command', origin: 1, sequence: 1, command }],
    });
  await arrives(one, two, append(1));
  booth.stall(1 << 20);
  // More than queue and socket buffers hold.
  for (let count = 0; count < 64; count++) one.transport.send(2, [append(2)]);
  for (let context = 10; context < 20; context++) await arrives(one, two, heartbeat(1, 2, context));
});

async function writeSnapshot(member: TestMember, megabytes: number): Promise<void> {
  const writer = await SnapshotWriter.create(member.dir, { index: 70, term: 2 }, 'own');
  for (let count = 0; count < megabytes; count++) await writer.write(new Uint8Array(1 << 20).fill(count));
  await writer.finish();
}
const configuration = {
  members: [{ id: 1, name: 'm1', address: 'a:1' }],
  incoming: [1],
  outgoing: [],
  learners: [],
};
const install = message({ type: 'snapshot', from: 1, to: 2, term: 3, snapshot: { index: 70, term: 2, configuration } });
const send = (member: TestMember) =>
  new Promise<boolean>((resolve) => member.transport.sendSnapshot(2, install, resolve));

test('a snapshot arrives whole, with its configuration', async () => {
  const [one, two] = [await start(1), await start(2)];
  know(one, 0, peer(2, two.address));
  know(two, 0, peer(1, one.address));
  await writeSnapshot(one, 3);
  const arrived = two.until(({ type }) => type === 'snapshot');
  expect(await send(one)).toBe(true);
  expect((await arrived).snapshot).toEqual({ index: 70, term: 2, configuration });
  const path = (member: TestMember) => snapshotPath(member.dir, { index: 70, term: 2 });
  expect(readFileSync(path(two)).equals(readFileSync(path(one)))).toBe(true);
  expect(readdirSync(two.dir)).toEqual(['snapshot-70-2']);
});

test('a transfer that was broken off goes on where it ended', async () => {
  const slow = await start(1, { snapshotBytesPerSecond: 4 << 20 });
  const two = await start(2);
  know(slow, 0, peer(2, two.address));
  know(two, 0, peer(1, slow.address));
  await writeSnapshot(slow, 8);
  const first = send(slow);
  const part = join(two.dir, 'snapshot-70-2.part');
  const size = () => statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  while (size() < 2 << 20) await new Promise((resolve) => setTimeout(resolve, 5));
  slow.transport.stop();
  expect(await first).toBe(false);
  const had = size();
  expect(had).toBeLessThan(8 << 20);

  const sent: number[] = [];
  const again = new GrpcTransport({
    clusterId: 'c',
    memberId: 1,
    self: { name: 'm1', address: slow.address },
    tls: slow.tls,
    dataDir: slow.dir,
    logger: {
      info: (fields, text) => {
        if (text === 'snapshot was sent') sent.push((fields as { bytes: number }).bytes);
      },
      warn: () => undefined,
      error: () => undefined,
    },
    onReceived: () => undefined,
    onPeerLost: () => undefined,
    onPeerGone: () => undefined,
    onRemoved: () => undefined,
    onCorrupt: () => undefined,
  });
  ends.push(() => again.stop());
  await again.start('127.0.0.1', 0);
  again.setPeers({ peers: [peer(2, two.address)], configurationIndex: 0 });
  expect(await new Promise<boolean>((resolve) => again.sendSnapshot(2, install, resolve))).toBe(true);
  const path = join(slow.dir, 'snapshot-70-2');
  expect(sent[0]).toBeLessThanOrEqual(statSync(path).size - (2 << 20));
  expect(readFileSync(join(two.dir, 'snapshot-70-2')).equals(readFileSync(path))).toBe(true);
});

test('a newer leader takes the place of one that sends slowly, and an older one does not', async () => {
  const [old, newer, two] = [await start(1, { snapshotBytesPerSecond: 1 << 20 }), await start(3), await start(2)];
  know(old, 0, peer(2, two.address));
  know(newer, 0, peer(2, two.address));
  know(two, 0, peer(1, old.address), peer(3, newer.address));
  for (const member of [old, newer]) await writeSnapshot(member, 8);
  const first = send(old);
  const part = join(two.dir, 'snapshot-70-2.part');
  while (!statSync(part, { throwIfNoEntry: false })?.size) await new Promise((resolve) => setTimeout(resolve, 5));
  const sendAt = (term: number) =>
    new Promise<boolean>((resolve) => newer.transport.sendSnapshot(2, { ...install, from: 3, term }, resolve));
  expect(await sendAt(install.term - 1)).toBe(false);
  expect(await sendAt(install.term + 1)).toBe(true);
  expect(await first).toBe(false);
  expect(readdirSync(two.dir)).toContain('snapshot-70-2');
});

test('a part that is not the beginning of the file is thrown away, and the next attempt is whole', async () => {
  const [one, two] = [await start(1), await start(2)];
  know(one, 0, peer(2, two.address));
  know(two, 0, peer(1, one.address));
  await writeSnapshot(one, 2);
  const part = join(two.dir, 'snapshot-70-2.part');
  await writeSnapshot(two, 1);
  copyFileSync(join(two.dir, 'snapshot-70-2'), part);
  truncateSync(part, 500_000);
  rmSync(join(two.dir, 'snapshot-70-2'));
  const other = Buffer.from(readFileSync(part));
  other[400_000]! ^= 1;
  writeFileSync(part, other);
  expect(await send(one)).toBe(false);
  expect(readdirSync(two.dir)).toEqual([]);
  expect(await send(one)).toBe(true);
});

test('a damaged snapshot of the sender is refused, the receiver keeps nothing of it, and the sender finds it damaged', async () => {
  const [one, two] = [await start(1), await start(2)];
  know(one, 0, peer(2, two.address));
  know(two, 0, peer(1, one.address));
  await writeSnapshot(one, 2);
  const path = join(one.dir, 'snapshot-70-2');
  const bytes = readFileSync(path);
  bytes[1_000_000]! ^= 4;
  writeFileSync(path, bytes);
  expect(await send(one)).toBe(false);
  expect(readdirSync(two.dir)).toEqual([]);
  while (one.corrupt.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(one.corrupt[0]).toMatchObject({ reason: 'corrupt', message: expect.stringContaining(path) });
});

test('certificates are rotated without a restart; a half-done rotation changes nothing', async () => {
  const [one, two] = [await start(1), await start(2)];
  know(one, 0, peer(2, two.address));
  know(two, 0, peer(1, one.address));
  await arrives(one, two, heartbeat(1, 2, 1));
  const serial = () =>
    new Promise<string>((resolve, reject) => {
      const [host, port] = two.address.split(':');
      const socket = connectTls({
        host,
        port: Number(port),
        ca: readFileSync(two.tls.caFile),
        checkServerIdentity: () => undefined,
      });
      socket.on('error', reject);
      socket.once('secureConnect', () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
    });
  const before = await serial();
  const fresh = await ca.issue('m2-again', 'trimast:masters');
  copyFileSync(fresh.certFile, two.tls.certFile);
  copyFileSync(fresh.keyFile, two.tls.keyFile);
  while ((await serial()) === before) await new Promise((resolve) => setTimeout(resolve, 100));
  await arrives(two, one, heartbeat(2, 1, 2));
  const after = await serial();
  copyFileSync(two.tls.caFile, two.tls.keyFile);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await serial()).toBe(after);
});
