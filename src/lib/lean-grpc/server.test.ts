import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Call, Method } from './call.ts';
import { maxMessageBytes, maxStreamsPerConnection } from './limits.ts';
import { LeanServer } from './server.ts';
import { GrpcError, grpcStatus } from './status.ts';

let server: LeanServer;
let port: number;
let client: grpc.Client;
let failures: unknown[];
let methods: Map<string, Method>;
const cleanUps: (() => void)[] = [];

const bytes = (buffer: Buffer) => buffer;
const unary = (method: string, request: Buffer, options: grpc.CallOptions = {}) =>
  new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest(`/test.Test/${method}`, bytes, bytes, request, options, (error, response) =>
      error ? reject(error) : resolve(response!),
    );
  });

beforeEach(async () => {
  failures = [];
  methods = new Map<string, Method>([
    ['/test.Test/Echo', { kind: 'unary', handle: (request, call) => call.reply(request) }],
    [
      '/test.Test/Fail',
      {
        kind: 'unary',
        handle: () => {
          throw new GrpcError(grpcStatus.notFound, 'nicht gefunden: "ä%"\n');
        },
      },
    ],
    ['/test.Test/Bug', { kind: 'unary', handle: () => Promise.reject(new Error('a secret')) }],
    ['/test.Test/Never', { kind: 'unary', handle: () => undefined }],
    [
      '/test.Test/EchoStream',
      {
        kind: 'stream',
        handle(call) {
          call.onMessage = (message) => void call.send(Buffer.from(message));
          call.onHalfClose = () => call.end();
        },
      },
    ],
    [
      '/test.Test/Count',
      {
        kind: 'server-stream',
        handle(request, call) {
          for (let number = 0; number < request[0]!; number++) call.send(Buffer.from([number]));
          call.end();
        },
      },
    ],
  ]);
  server = new LeanServer({ methods, onFailure: (_path, error) => failures.push(error) });
  port = await server.listen('127.0.0.1', 0);
  client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  client.close();
  await server.stop();
});

describe('calls of grpc-js', () => {
  test('unary, also many at once and large ones', async () => {
    const large = Buffer.alloc(maxMessageBytes, 7);
    const answers = await Promise.all([
      unary('Echo', large),
      unary('Echo', Buffer.alloc(0)),
      ...Array.from({ length: 200 }, (_, index) => unary('Echo', Buffer.from(`request ${index}`))),
    ]);
    expect(answers[0]!.equals(large)).toBe(true);
    expect(answers[1]!.length).toBe(0);
    expect(String(answers.at(-1))).toBe('request 199');
  });

  test('errors carry code and message, whatever characters are in it; a bug tells nothing', async () => {
    await expect(unary('Fail', Buffer.alloc(1))).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
      details: 'nicht gefunden: "ä%"\n',
    });
    const bug = await unary('Bug', Buffer.alloc(1)).catch((error) => error);
    expect([bug.code, bug.details.includes('secret')]).toEqual([grpc.status.INTERNAL, false]);
    expect(failures.map(String)).toEqual(['Error: a secret']);
  });

  test('unknown methods and services are told apart', async () => {
    await expect(unary('Nothing', Buffer.alloc(1))).rejects.toMatchObject({
      code: grpc.status.UNIMPLEMENTED,
      details: 'unknown method Nothing for service test.Test',
    });
    const other = new Promise((_, reject) =>
      client.makeUnaryRequest('/other.Service/Method', bytes, bytes, Buffer.alloc(1), (error) => reject(error)),
    );
    await expect(other).rejects.toMatchObject({ details: 'unknown service other.Service' });
  });

  test('a message above the limit is refused, and the connection goes on', async () => {
    await expect(unary('Echo', Buffer.alloc(maxMessageBytes + 1))).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: `grpc: received message larger than max (${maxMessageBytes + 1} vs. ${maxMessageBytes})`,
    });
    expect(String(await unary('Echo', Buffer.from('still here')))).toBe('still here');
  });

  test('a deadline ends the call and tells the handler', async () => {
    const cancelled = Promise.withResolvers<void>();
    methods.set('/test.Test/Never', {
      kind: 'unary',
      handle: (_request, call) => {
        call.onCancel = cancelled.resolve;
      },
    });
    await expect(unary('Never', Buffer.alloc(1), { deadline: Date.now() + 100 })).rejects.toMatchObject({
      code: grpc.status.DEADLINE_EXCEEDED,
    });
    await cancelled.promise;
  });

  test('cancelling aborts the handler’s signal', async () => {
    const started = Promise.withResolvers<Call>();
    methods.set('/test.Test/Never', { kind: 'unary', handle: (_request, call) => started.resolve(call) });
    const call = client.makeUnaryRequest('/test.Test/Never', bytes, bytes, Buffer.alloc(1), () => undefined);
    const { signal } = await started.promise;
    call.cancel();
    if (!signal.aborted) await once(signal, 'abort');
  });

  test('streams in both directions, with messages of every size', async () => {
    const stream = client.makeBidiStreamRequest('/test.Test/EchoStream', bytes, bytes);
    const sizes = [0, 1, 16_379, 16_380, 70_000, 1_000_000, 3];
    const received: number[] = [];
    stream.on('data', (message: Buffer) => received.push(message.length));
    for (const size of sizes) stream.write(Buffer.alloc(size));
    stream.end();
    const [status] = await once(stream, 'status');
    expect([received, status.code]).toEqual([sizes, grpc.status.OK]);
  });

  test('an answer on a stream does not wait for the next one', async () => {
    const stream = client.makeBidiStreamRequest('/test.Test/EchoStream', bytes, bytes);
    for (const word of ['one', 'two', 'three']) {
      stream.write(Buffer.from(word));
      expect(String((await once(stream, 'data'))[0])).toBe(word);
    }
    stream.end();
    await once(stream.resume(), 'status');
  });

  test('a stream of answers to one request', async () => {
    const stream = client.makeServerStreamRequest('/test.Test/Count', bytes, bytes, Buffer.from([100]));
    const numbers = (await stream.toArray()).map((message) => message[0]);
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });
});

describe('back-pressure', () => {
  test('a client that does not read holds back a handler that asks', async () => {
    let sent = 0;
    methods.set('/test.Test/Count', {
      kind: 'server-stream',
      handle(_request, call) {
        const more = (): void => {
          while (!call.ended && sent < 200) {
            sent++;
            if (!call.send(Buffer.alloc(100_000))) return;
          }
          call.end();
        };
        call.onDrain = more;
        more();
      },
    });
    const session = open();
    const stream = request(session, '/test.Test/Count', { last: true });
    await once(stream, 'response');
    await settle();
    expect(sent).toBeLessThan(20);
    let received = 0;
    stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    await once(stream, 'end');
    expect([sent, received]).toEqual([200, 200 * 100_005]);
  });

  test('a handler that pauses holds back its client', async () => {
    let seen = 0;
    let paused: Call | undefined;
    methods.set('/test.Test/EchoStream', {
      kind: 'stream',
      handle(call) {
        call.onMessage = (message) => {
          seen += message.length;
          if (paused) return;
          paused = call;
          call.pause();
        };
        call.onHalfClose = () => call.end();
      },
    });
    const stream = client.makeBidiStreamRequest('/test.Test/EchoStream', bytes, bytes);
    stream.on('data', () => undefined);
    let taken = 0;
    for (let index = 0; index < 200; index++) stream.write(Buffer.alloc(100_000), () => taken++);
    await settle();
    expect([seen, taken < 100]).toEqual([100_000, true]);
    stream.end();
    paused!.resume();
    await once(stream, 'status');
    expect(seen).toBe(200 * 100_000);
  });
});

describe('bad input', () => {
  test('bytes that are no HTTP/2 are answered by closing', async () => {
    const socket = connectTcp(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    const random = connectTcp(port, '127.0.0.1');
    random.write(Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7919) % 251)));
    random.resume();
    await once(random, 'close');
    expect(String(await unary('Echo', Buffer.from('fine')))).toBe('fine');
  });

  test.each([
    ['a frame that is too long', '00ffff 00 00 00000001'],
    ['data on a stream that was never opened', '000001 00 00 00000005 00'],
    ['headers on an even stream', '000001 01 05 00000002 82'],
    ['a continuation of nothing', '000001 09 04 00000001 82'],
    ['a broken header block', '000001 01 05 00000001 ff'],
    ['a header block with another frame in between', '000001 01 00 00000001 82 000008 06 00 00000000 0000000000000000'],
    ['settings of the wrong size', '000005 04 00 00000000 0000000000'],
  ])('%s ends the connection with GOAWAY', async (_what, frames) => {
    const socket = connectTcp(port, '127.0.0.1');
    const empty = '000000040000000000';
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), hex(empty), hex(frames)]));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'close');
    expect(frameTypes(Buffer.concat(chunks))).toContain(7);
  });

  test('a flood of pings is cut off', async () => {
    const socket = connectTcp(port, '127.0.0.1');
    const ping = hex('000008060000000000 0000000000000000');
    const start = [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), hex('000000040000000000')];
    socket.write(Buffer.concat([...start, ...Array.from({ length: 1_100 }, () => ping)]));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'close');
    expect(frameTypes(Buffer.concat(chunks)).at(-1)).toBe(7);
  });

  test('streams beyond the limit are refused, the others stay, and nothing is left when the client goes', async () => {
    let open_ = 0;
    methods.set('/test.Test/EchoStream', {
      kind: 'stream',
      handle(call) {
        open_++;
        call.onCancel = () => open_--;
      },
    });
    // A client that does not keep to the limit that it was told.
    const socket = connectTcp(port, '127.0.0.1');
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), hex('000000040000000000')]));
    const headers = Buffer.concat([
      Buffer.from([0x83, 0x86, 0x04, 21]),
      Buffer.from('/test.Test/EchoStream'),
      Buffer.from([0x0f, 0x10, 16]),
      Buffer.from('application/grpc'),
    ]);
    const frames: Buffer[] = [];
    for (let index = 0; index < maxStreamsPerConnection + 10; index++) {
      const frame = Buffer.alloc(9 + headers.length);
      frame.writeUIntBE(headers.length, 0, 3);
      frame[3] = 1;
      frame[4] = 4;
      frame.writeUInt32BE(index * 2 + 1, 5);
      frame.set(headers, 9);
      frames.push(frame);
    }
    socket.write(Buffer.concat(frames));
    await until(() => frameTypes(Buffer.concat(received)).filter((type) => type === 3).length === 10);
    expect(open_).toBe(maxStreamsPerConnection);
    socket.destroy();
    await until(() => open_ === 0);
    expect(String(await unary('Echo', Buffer.from('fine')))).toBe('fine');
  });

  test('a request that is no gRPC call', async () => {
    const session = open();
    const stream = session.request({ ':method': 'GET', ':path': '/test.Test/Echo' });
    stream.end();
    const [headers] = await once(stream, 'response');
    expect(headers['grpc-status']).toBe('13');
  });
});

test('a client without a header table', async () => {
  const session = open({ headerTableSize: 0 });
  for (const text of ['one', 'two']) {
    const stream = request(session, '/test.Test/Echo', { last: true, body: text });
    const [headers] = await once(stream, 'response');
    stream.resume();
    const [trailers] = await once(stream, 'trailers');
    expect([headers['content-type'], trailers['grpc-status']]).toEqual(['application/grpc', '0']);
  }
});

test('draining: what runs may end, nothing new begins', async () => {
  const started = Promise.withResolvers<Call>();
  methods.set('/test.Test/Never', { kind: 'unary', handle: (_request, call) => started.resolve(call) });
  const running = unary('Never', Buffer.from('x'));
  const call = await started.promise;
  const stopped = server.stop();
  call.reply(Buffer.from('done'));
  expect(String(await running)).toBe('done');
  await stopped;
  await expect(unary('Echo', Buffer.alloc(1), { deadline: Date.now() + 300 })).rejects.toMatchObject({ code: 14 });
});

function open(settings = {}): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`, { settings });
  cleanUps.push(() => session.destroy());
  return session;
}

function request(
  session: ClientHttp2Session,
  path: string,
  options: { last: boolean; body?: string },
): ClientHttp2Stream {
  const stream = session.request({
    ':method': constants.HTTP2_METHOD_POST,
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const body = Buffer.from(options.body ?? '');
  const frame = Buffer.concat([Buffer.alloc(5), body]);
  frame.writeUInt32BE(body.length, 1);
  if (options.last) stream.end(frame);
  else stream.write(frame);
  return stream;
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function frameTypes(received: Buffer): number[] {
  const types: number[] = [];
  for (let position = 0; position + 9 <= received.length; position += 9 + received.readUIntBE(position, 3))
    types.push(received[position + 3]!);
  return types;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Until a while passes in which nothing could still be on its way. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 4));
}
