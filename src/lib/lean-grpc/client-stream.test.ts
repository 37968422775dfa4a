/** The client of one stream, against our own server and against grpc-js. */
import { createServer, type Server, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import { ClientStream } from './client-stream.ts';
import { LeanServer } from './server.ts';
import { type GrpcError, grpcStatus } from './status.ts';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

interface TestStream {
  readonly stream: ClientStream;
  readonly received: Buffer[];
  /** Settles with how it ended. */
  readonly ended: Promise<GrpcError>;
  until(count: number): Promise<void>;
  drained(): Promise<void>;
}

function open(port: number, path: string): TestStream {
  const received: Buffer[] = [];
  const ended = Promise.withResolvers<GrpcError>();
  const waiting: { count: number; resolve: () => void }[] = [];
  let drain: () => void = () => undefined;
  const stream = new ClientStream({
    address: `127.0.0.1:${port}`,
    path,
    onMessage: (message) => {
      received.push(Buffer.from(message));
      for (const { count, resolve } of waiting) if (received.length >= count) resolve();
    },
    onDrain: () => drain(),
    onEnd: ended.resolve,
  });
  cleanUps.push(() => stream.close());
  return {
    stream,
    received,
    ended: ended.promise,
    until: (count) =>
      new Promise((resolve) => {
        if (received.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    drained: () =>
      new Promise((resolve) => {
        drain = resolve;
        if (stream.writable) resolve();
      }),
  };
}

async function leanServer(maxMessageBytes?: number): Promise<number> {
  const server = new LeanServer({
    methods: new Map([
      [
        '/test.Test/Echo',
        {
          kind: 'stream',
          handle(call) {
            call.onMessage = (message) => void call.send(Buffer.from(message.subarray(0, 100_000)));
            call.onHalfClose = () => call.end();
          },
        },
      ],
      ['/test.Test/Fail', { kind: 'stream', handle: (call) => call.fail(grpcStatus.dataLoss, 'verloren: „ä%“') }],
    ]),
    limits: maxMessageBytes === undefined ? {} : { maxMessageBytes, streamWindowBytes: 1 << 20 },
    onFailure: (_path, error) => {
      throw error as Error;
    },
  });
  cleanUps.push(() => server.close());
  return await server.listen('127.0.0.1', 0);
}

function grpcJsServer(): Promise<number> {
  const bytes = (buffer: Buffer) => buffer;
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  const method = {
    path: '/test.Test/Echo',
    requestStream: true,
    responseStream: true,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  server.addService({ echo: method }, {
    echo: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => call.write(message.subarray(0, 100_000)));
      call.on('error', () => undefined);
    },
  } as never);
  cleanUps.push(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

const servers: readonly (readonly [string, () => Promise<number>])[] = [
  ['our own server, a window smaller than a message', () => leanServer(64 << 20)],
  ['grpc-js', grpcJsServer],
];
for (const [name, start] of servers)
  test(`messages of every size arrive whole and in order at ${name}`, async () => {
    const { stream, received, until, drained } = open(await start(), '/test.Test/Echo');
    const sizes = [0, 1, 300, 16_379, 16_380, 65_535, 5_000_000, 2, 70_000, 0, 3];
    for (const [position, size] of sizes.entries()) {
      stream.write(Buffer.alloc(size, position + 1));
      stream.flush();
    }
    await until(sizes.length);
    await drained();
    expect(received.map(({ length }) => length)).toEqual(sizes.map((size) => Math.min(size, 100_000)));
    expect(received.every((message, position) => message.every((byte) => byte === position + 1))).toBe(true);
  });

test('much is written at once, and what is not taken is told', async () => {
  const { stream, until, drained } = open(await leanServer(), '/test.Test/Echo');
  for (let round = 0; round < 5; round++) {
    for (let count = 0; count < 100; count++) stream.write(Buffer.alloc(20_000, count));
    stream.flush();
    expect(stream.writable).toBe(false);
    await drained();
  }
  await until(500);
});

test('the status of the server, with its message', async () => {
  const { stream, ended } = open(await leanServer(), '/test.Test/Fail');
  stream.flush();
  expect(await ended).toMatchObject({ status: grpcStatus.dataLoss, message: 'verloren: „ä%“' });
  const unknown = open(await leanServer(), '/test.Test/Nothing');
  expect((await unknown.ended).status).toBe(grpcStatus.unimplemented);
});

test('nobody listens, the connection breaks, garbage comes', async () => {
  const raw = (talk: (socket: Socket) => void): Promise<[Server, number]> =>
    new Promise((resolve) => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        talk(socket);
      });
      cleanUps.push(() => server.close());
      server.listen(0, '127.0.0.1', () => resolve([server, (server.address() as { port: number }).port]));
    });
  const [, closing] = await raw((socket) => socket.destroy());
  expect((await open(closing, '/test.Test/Echo').ended).status).toBe(grpcStatus.unavailable);
  const [, babbling] = await raw((socket) => socket.write(Buffer.alloc(100, 0xff)));
  expect((await open(babbling, '/test.Test/Echo').ended).status).toBe(grpcStatus.internal);
  const [gone, port] = await raw(() => undefined);
  await new Promise((resolve) => gone.close(resolve));
  expect(await open(port, '/test.Test/Echo').ended).toMatchObject({
    status: grpcStatus.unavailable,
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('a server that falls silent is given up', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume();
  });
  cleanUps.push(() => server.close());
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  expect((await open(port, '/test.Test/Echo').ended).message).toContain('no sign of life');
});
