/** Over real sockets: UDP, TCP, and other servers that answer, do not, or lie. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import packet, { type Packet, type RecordType } from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock, systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { AnswerCache } from './forward/answer-cache.ts';
import { Forwarder } from './forward/forwarder.ts';
import { readUpstreamAnswer } from './forward/upstream-message.ts';
import { headerBytes } from './query.ts';
import { DnsServer } from './server.ts';
import { object, question, show, slice, TestCluster } from './testing/cluster.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const name = 'web.default.svc.cluster.local';

/** Answers whatever `answer` gives for the name asked. */
async function upstream(
  answer: (name: string, type: string) => Partial<Packet> | 'silence' | 'lie',
  address = '127.0.0.1',
) {
  const asked: string[] = [];
  const reply = (bytes: Buffer): Buffer | undefined => {
    const query = packet.decode(bytes);
    const { name, type } = query.questions![0]!;
    asked.push(name);
    const content = answer(name, type ?? '');
    if (content === 'silence') return undefined;
    const id = content === 'lie' ? (query.id! + 1) % 65_536 : query.id!;
    return packet.encode({ type: 'response', id, questions: query.questions!, ...(content === 'lie' ? {} : content) });
  };
  const tcp = createServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      const response = reply(bytes.subarray(2))!;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(response.length);
      socket.write(Buffer.concat([length, response]));
    });
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => tcp.listen(0, address, resolve));
  const { port } = tcp.address() as { port: number };
  const udp = createSocket('udp4');
  udp.on('message', (bytes: Buffer, client: RemoteInfo) => {
    const response = reply(bytes);
    if (response) udp.send(response.length > 512 ? truncated(response) : response, client.port, client.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, address, resolve));
  cleanups.push(() => {
    udp.close();
    tcp.close();
  });
  return { asked, server: { address, port } };
}

function truncated(response: Buffer): Buffer {
  const { questions, id } = packet.decode(response);
  return packet.encode({ type: 'response', id: id!, flags: packet.TRUNCATED_RESPONSE, questions: questions! });
}

async function serve(
  servers: { address: string; port: number }[],
  stubs: [string, { address: string; port: number }[]][] = [],
) {
  const forwarder = new Forwarder({ servers, stubDomains: new Map(stubs), clock: systemClock, logger: silentLogger });
  const cluster = new TestCluster(
    [
      ['namespaces', object('', 'default', {})],
      ['services', object('default', 'web', { spec: { clusterIP: '10.96.0.7' } })],
      ['services', object('default', 'many', { spec: { clusterIP: 'None' } })],
      [
        'endpointslices',
        slice(
          'many',
          Array.from({ length: 100 }, (_, i) => ({ ip: `10.244.2.${i}` })),
        ),
      ],
    ],
    { forwarder: (query, tcp) => forwarder.answer(query as Parameters<Forwarder['answer']>[0], tcp) },
  );
  const dns = new DnsServer({
    resolver: cluster.resolver,
    isTrusted: () => true,
    clock: systemClock,
    logger: silentLogger,
  });
  const port = await dns.listen('127.0.0.1', 0);
  cleanups.push(async () => {
    forwarder.close();
    await dns.close();
  });
  const udp = async (bytes: Buffer) => {
    const socket: Socket = createSocket('udp4');
    const answer = await new Promise<Buffer>((resolve) => {
      socket.once('message', resolve);
      socket.send(bytes, port, '127.0.0.1');
    });
    socket.close();
    return answer;
  };
  return {
    port,
    udp,
    forwarder,
    line: async (name: string, type: RecordType = 'A') => show(packet.decode(await udp(question(name, type)))),
  };
}

async function overTcp(port: number, messages: Buffer[], expected = messages.length): Promise<string[]> {
  const socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  for (const message of messages) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    socket.write(Buffer.concat([length, message]));
  }
  socket.end();
  for await (const chunk of socket) received.push(chunk as Buffer);
  let all = Buffer.concat(received);
  const answers: string[] = [];
  while (all.length >= 2) {
    const length = all.readUInt16BE(0);
    answers.push(show(packet.decode(all.subarray(2, 2 + length))));
    all = all.subarray(2 + length);
  }
  expect(answers).toHaveLength(expected);
  return answers;
}

describe('the server', () => {
  it('answers over UDP, and over TCP many questions of one connection', async () => {
    const dns = await serve([]);
    expect(await dns.line(name)).toBe(`NOERROR aa: ${name} A 10.96.0.7`);
    const answers = await overTcp(dns.port, [question(name, 'A'), question('many.default.svc.cluster.local', 'A')]);
    expect(answers[0]).toBe(`NOERROR aa: ${name} A 10.96.0.7`);
    expect(answers[1]!.split(', ')).toHaveLength(100);
  });

  it('ends a connection that sends no questions, and answers the others', async () => {
    const dns = await serve([]);
    await overTcp(dns.port, [Buffer.alloc(4)], 0);
    await overTcp(dns.port, [Buffer.alloc(5_000)], 0);
    expect(await dns.line(name)).toMatch(/^NOERROR/);
  });
});

describe('forwarding', () => {
  const address =
    (data: string, ttl = 30) =>
    (name: string) => ({ answers: [{ type: 'A' as const, name, ttl, data }] });

  it('asks once for what it has been told already, however it is spelled', async () => {
    const { server, asked } = await upstream(address('192.0.2.1'));
    const dns = await serve([server]);
    expect(await dns.line('example.org')).toBe('NOERROR: example.org A 192.0.2.1');
    expect(await dns.line('Example.ORG')).toBe('NOERROR: example.org A 192.0.2.1');
    expect(packet.decode(await dns.udp(question('EXAMPLE.org', 'A'))).questions).toMatchObject([
      { name: 'EXAMPLE.org' },
    ]);
    expect(asked).toEqual(['example.org']);
  });

  it('asks stub domains of their own servers, the longest match first', async () => {
    const [general, corp, inner] = await Promise.all([
      upstream(address('192.0.2.1')),
      upstream(address('192.0.2.2')),
      upstream(address('192.0.2.3')),
    ]);
    const dns = await serve(
      [general.server],
      [
        ['corp', [corp.server]],
        ['inner.corp', [inner.server]],
      ],
    );
    expect(await dns.line('a.example')).toContain('192.0.2.1');
    expect(await dns.line('a.corp')).toContain('192.0.2.2');
    expect(await dns.line('a.inner.corp')).toContain('192.0.2.3');
    expect(await dns.line('notcorp')).toContain('192.0.2.1');
  });

  it('goes on to the next server after one that refuses, and then asks that one first', async () => {
    const refusing = await upstream(() => ({ flags: 5 }));
    const good = await upstream((name) => address('192.0.2.1', 0)(name));
    const dns = await serve([refusing.server, good.server]);
    expect(await dns.line('a.example')).toContain('192.0.2.1');
    expect(await dns.line('b.example')).toContain('192.0.2.1');
    expect(refusing.asked).toEqual(['a.example']);
  });

  it('passes on a cut-off answer, and the whole one over TCP, which then is cached', async () => {
    const long = (name: string) => ({
      answers: Array.from({ length: 60 }, (_, i) => address(`192.0.2.${i}`)(name).answers[0]!),
    });
    const { server, asked } = await upstream(long);
    const dns = await serve([server]);
    expect(await dns.line('long.example')).toBe('NOERROR tc');
    expect((await overTcp(dns.port, [question('long.example', 'A')]))[0]!.split(', ')).toHaveLength(60);
    expect(await dns.line('long.example')).toBe('NOERROR tc');
    expect(asked).toHaveLength(2);
  });

  it('does not believe a forged answer', async () => {
    const { server } = await upstream(() => 'lie');
    const dns = await serve([server]);
    expect(await dns.line('example.org')).toBe('SERVFAIL');
  }, 20_000);
});

describe('the cache', () => {
  const answerTo = (its: string, ttl: number) => {
    const bytes = packet.encode({
      type: 'response',
      id: 7,
      questions: [{ type: 'A', name: its }],
      answers: [{ type: 'A', name: its, ttl, data: '192.0.2.1' }],
    });
    return readUpstreamAnswer(bytes, 7, question(its, 'A').subarray(headerBytes))!;
  };

  it('tells how long an answer still holds, and forgets it then', () => {
    const clock = new ManualClock();
    const cache = new AnswerCache(clock);
    cache.put('a', answerTo('a.example', 30));
    clock.advance(12_000);
    expect(packet.decode(cache.get('a')!).answers).toMatchObject([{ ttl: 18 }]);
    clock.advance(18_000);
    expect(cache.get('a')).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('keeps no more than it may, what was used last', () => {
    const cache = new AnswerCache(new ManualClock(), { maxCached: 2, maxCachedBytes: 10_000 });
    for (const key of ['a', 'b']) cache.put(key, answerTo(`${key}.example`, 30));
    cache.get('a');
    cache.put('c', answerTo('c.example', 30));
    expect(['a', 'b', 'c'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true]);
  });
});
