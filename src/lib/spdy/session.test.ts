import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { constants, createDeflate, createInflate } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { headerDictionary } from './dictionary.ts';
import { FrameReader, FrameWriter } from './frames.ts';
import { HeaderCompressor, HeaderDecompressor } from './header-block.ts';
import { maxStreamBufferBytes, SpdySession } from './session.ts';
import type { SpdyStream } from './stream.ts';

function plainBlock(headers: Record<string, string>): Buffer {
  const sized = (value: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(value));
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32BE(Object.keys(headers).length);
  return Buffer.concat([count, ...Object.entries(headers).flatMap(([name, value]) => [sized(name), sized(value)])]);
}

function collect(stream: Duplex): Buffer[] {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}

/** Reads to the end without destroying the other direction, as `for await` would. */
async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks = collect(stream);
  await once(stream, 'end');
  return Buffer.concat(chunks);
}

describe('header blocks', () => {
  const blocks = [
    { streamtype: 'error', port: '8080', requestid: '0' },
    { streamtype: 'data', port: '8080', requestid: '0' },
    { ':host': 'x'.repeat(40_000) },
    { streamtype: 'data', port: '8080', requestid: '1' },
  ];

  test('one continuous zlib stream of another implementation, flushed after each block, is understood', async () => {
    const deflate = createDeflate({ dictionary: headerDictionary });
    const chunks = collect(deflate);
    const decompressor = new HeaderDecompressor();
    for (const block of blocks) {
      deflate.write(plainBlock(block));
      await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
      expect(decompressor.decompress(Buffer.concat(chunks.splice(0)))).toEqual(block);
    }
  });

  test('what we compress is one zlib stream to another implementation', async () => {
    const inflate = createInflate({ dictionary: headerDictionary });
    const chunks = collect(inflate);
    const compressor = new HeaderCompressor();
    for (const block of blocks) {
      inflate.write(compressor.compress(block));
      await new Promise<void>((resolve) => inflate.flush(constants.Z_SYNC_FLUSH, resolve));
      expect(Buffer.concat(chunks.splice(0)).equals(plainBlock(block))).toBe(true);
    }
  });

  test('the zlib header names the dictionary of SPDY/3', () => {
    expect(new HeaderCompressor().compress({}).subarray(0, 6).toString('hex')).toBe('78bbe3c6a7c2');
  });

  test('a bomb is refused', () => {
    const bomb = new HeaderCompressor().compress({ a: 'x'.repeat(100_000) });
    expect(() => new HeaderDecompressor().decompress(bomb)).toThrow();
  });
});

describe('frames', () => {
  test('every kind survives arrival byte by byte', () => {
    const writer = new FrameWriter();
    const bytes = Buffer.concat([
      writer.synStream(1, { StreamType: 'stdin' }),
      writer.synReply(1, {}),
      writer.rstStream(3, 5),
      writer.settings(1234),
      writer.ping(7),
      writer.goaway(9),
      writer.windowUpdate(1, 77),
    ]);
    const reader = new FrameReader();
    const frames = [...bytes].flatMap((byte) => reader.push(Buffer.from([byte])));
    expect(frames).toEqual([
      { type: 'syn-stream', streamId: 1, headers: { streamtype: 'stdin' }, fin: false, unidirectional: false },
      { type: 'syn-reply', streamId: 1, headers: {}, fin: false },
      { type: 'rst-stream', streamId: 3, status: 5 },
      { type: 'settings', initialWindowBytes: 1234 },
      { type: 'ping', id: 7 },
      { type: 'goaway', lastStreamId: 9, status: 0 },
      { type: 'window-update', streamId: 1, deltaBytes: 77 },
    ]);
  });

  test('a data frame is handed on in pieces and only the last one carries FIN', () => {
    const bytes = new FrameWriter().data(5, Buffer.from('hello'), true);
    const reader = new FrameReader();
    const frames = [...reader.push(bytes.subarray(0, 10)), ...reader.push(bytes.subarray(10))];
    expect(frames.map((frame) => frame.type === 'data' && [frame.data.toString(), frame.fin])).toEqual([
      ['he', false],
      ['llo', true],
    ]);
  });

  test('a control frame over the limit is refused before it is buffered', () => {
    const header = Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]);
    expect(() => new FrameReader().push(header)).toThrow(/more than/);
  });
});

function sessions(): { client: SpdySession; server: SpdySession; accepted: SpdyStream[]; sockets: [Duplex, Duplex] } {
  const sockets = duplexPair() as unknown as [Duplex, Duplex];
  const accepted: SpdyStream[] = [];
  const server = new SpdySession(sockets[0], {
    role: 'server',
    onStream: (stream) => {
      stream.on('error', () => undefined);
      accepted.push(stream);
      sockets[0].emit('accepted');
    },
  });
  const client = new SpdySession(sockets[1], { role: 'client' });
  return { client, server, accepted, sockets };
}

describe('session', () => {
  test('streams carry bytes both ways and half-close separately', async () => {
    const { client, accepted, sockets } = sessions();
    const stream = client.openStream({ streamType: 'data', port: '80' });
    await once(sockets[0], 'accepted');
    const peer = accepted[0]!;
    expect(peer.headers).toEqual({ streamtype: 'data', port: '80' });
    const payload = Buffer.alloc(300_000, 'abc');
    stream.end(payload);
    expect((await readAll(peer)).equals(payload)).toBe(true);
    peer.end('answer after the other side ended');
    expect(String(await readAll(stream))).toBe('answer after the other side ended');
  });

  test('a stream destroyed by one side is an error on the other, and the session lives on', async () => {
    const { client, accepted, sockets } = sessions();
    const stream = client.openStream({ streamtype: 'data' });
    await once(sockets[0], 'accepted');
    accepted[0]!.destroy();
    const [error] = await once(stream, 'error');
    expect(String(error)).toContain('reset by the peer: status 5');
    const next = client.openStream({ streamtype: 'data' });
    await once(sockets[0], 'accepted');
    accepted[1]!.end('still here');
    expect(String(await readAll(next))).toBe('still here');
  });

  test('pings are echoed', async () => {
    const [ours, theirs] = duplexPair() as unknown as [Duplex, Duplex];
    new SpdySession(ours, { role: 'server' });
    theirs.write(new FrameWriter().ping(41));
    const [chunk] = await once(theirs, 'data');
    expect(new FrameReader().push(chunk)).toEqual([{ type: 'ping', id: 41 }]);
  });

  test('a session without onStream refuses streams', async () => {
    const [ours, theirs] = duplexPair() as unknown as [Duplex, Duplex];
    new SpdySession(ours, { role: 'server' });
    theirs.write(new FrameWriter().synStream(1, {}));
    const [chunk] = await once(theirs, 'data');
    expect(new FrameReader().push(chunk)).toEqual([{ type: 'rst-stream', streamId: 1, status: 3 }]);
  });

  test('a peer that ignores windows is held back at the stream buffer limit and resumed by reading', async () => {
    const { client, accepted, sockets } = sessions();
    const stream = client.openStream({ streamtype: 'data' });
    await once(sockets[0], 'accepted');
    const totalBytes = 3 * maxStreamBufferBytes;
    stream.end(Buffer.alloc(totalBytes));
    const peer = accepted[0]!;
    while (peer.readableLength < maxStreamBufferBytes) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(peer.readableLength).toBeLessThan(maxStreamBufferBytes + 64 * 1024);
    expect((await readAll(peer)).length).toBe(totalBytes);
  });

  test('a connection that breaks while a full stream holds it back ends the session', async () => {
    const { client, server, accepted, sockets } = sessions();
    const stream = client.openStream({ streamtype: 'data' });
    stream.on('error', () => undefined);
    await once(sockets[0], 'accepted');
    stream.write(Buffer.alloc(3 * maxStreamBufferBytes));
    while (accepted[0]!.readableLength < maxStreamBufferBytes) await new Promise((resolve) => setImmediate(resolve));
    sockets[0].destroy(new Error('EPIPE'));
    sockets[1].destroy();
    expect(await server.closed).toBeInstanceOf(Error);
    expect(accepted[0]!.destroyed).toBe(true);
  });

  test('the window of a peer that keeps windows is never exceeded', async () => {
    const [ours, theirs] = duplexPair() as unknown as [Duplex, Duplex];
    const opened: SpdyStream[] = [];
    new SpdySession(ours, { role: 'server', onStream: (stream) => opened.push(stream) });
    const writer = new FrameWriter();
    const reader = new FrameReader();
    let receivedBytes = 0;
    let ended = false;
    theirs.on('data', (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) {
        if (frame.type !== 'data') continue;
        receivedBytes += frame.data.length;
        ended ||= frame.fin;
      }
    });
    theirs.write(Buffer.concat([writer.settings(1000), writer.synStream(1, {})]));
    while (opened.length === 0) await new Promise((resolve) => setImmediate(resolve));
    opened[0]!.end(Buffer.alloc(5000));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(receivedBytes).toBe(1000);
    theirs.write(writer.windowUpdate(1, 4000));
    while (!ended) await new Promise((resolve) => setImmediate(resolve));
    expect(receivedBytes).toBe(5000);
  });

  test('a broken protocol ends the session and every stream of it', async () => {
    const { client, server, accepted, sockets } = sessions();
    const stream = client.openStream({});
    stream.on('error', () => undefined);
    await once(sockets[0], 'accepted');
    sockets[1].write(Buffer.from([0x80, 9, 0, 1, 0, 0, 0, 0]));
    expect(String(await server.closed)).toContain('SPDY version 9');
    expect(accepted[0]!.destroyed).toBe(true);
    expect(sockets[0].destroyed).toBe(true);
  });
});
