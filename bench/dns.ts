/**
 * The cluster's DNS: answers per second of one core, and how long one takes at a steady rate.
 *
 *     node bench/dns.ts [--seconds 5] [--services 5000] [--rate 5000]
 *
 * The server runs in a process of its own, on loopback, with the given number of Services and as many answers kept from elsewhere. Two
 * figures per kind of question: how many answers a second of the server's CPU time gives (what one core could do; it does not depend on who else uses the
 * machine), and the latency at a steady rate.
 */
import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { parseArgs } from 'node:util';
import packet from 'dns-packet';
import type { TypedObject } from '../src/api/types.ts';
import { ClusterZone } from '../src/dns/cluster-zone.ts';
import { Forwarder } from '../src/dns/forward/forwarder.ts';
import { Resolver } from '../src/dns/resolver.ts';
import { DnsServer } from '../src/dns/server.ts';
import { ServiceIndex } from '../src/dns/service-index.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/logger.ts';
import { NetworkView } from '../src/network/view.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    services: { type: 'string', default: '5000' },
    rate: { type: 'string', default: '5000' },
    serve: { type: 'boolean', default: false },
  },
});
const services = Number(values.services);
const outstanding = 64;

interface Figures {
  readonly cpuMicros: number;
}

async function serve(): Promise<void> {
  const upstream = createSocket('udp4');
  upstream.on('message', (bytes, { port, address }) => {
    const { id, questions } = packet.decode(bytes);
    const answers = [{ type: 'A' as const, name: questions![0]!.name, ttl: 3_600, data: '192.0.2.1' }];
    upstream.send(packet.encode({ type: 'response', id: id!, questions: questions!, answers }), port, address);
  });
  await new Promise<void>((resolve) => upstream.bind(0, '127.0.0.1', resolve));
  const view = new NetworkView();
  const told = Array.from({ length: services }, (_, n): { resource: string; key: string; object: TypedObject } => {
    const metadata = { namespace: 'default', name: `service-${n}`, resourceVersion: '1' };
    const spec = { clusterIP: `10.96.${n >> 8}.${n & 255}` };
    return { resource: 'services', key: `default/service-${n}`, object: { metadata, spec } as TypedObject };
  });
  const namespace = { metadata: { name: 'default', resourceVersion: '1' } };
  view.begin(true);
  view.apply([{ resource: 'namespaces', key: 'default', object: namespace }, ...told], 1n);
  const index = new ServiceIndex(view);
  const zone = new ClusterZone({ domain: 'cluster.local', addresses: ['10.96.0.10'], index });
  const servers = [{ address: '127.0.0.1', port: upstream.address().port }];
  const forwarder = new Forwarder({ servers, stubDomains: new Map(), clock: systemClock, logger: silentLogger });
  const resolver = new Resolver({ index, zone, forwarder, random: Math.random });
  view.subscribe((changes) => resolver.apply(changes));
  const server = new DnsServer({ resolver, isTrusted: () => true, clock: systemClock, logger: silentLogger });
  const port = await server.listen('127.0.0.1', 0);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send!({ cpuMicros: user + system } satisfies Figures);
  });
  process.send!(port);
}

async function measure(): Promise<void> {
  const child = fork(import.meta.filename, ['--serve', '--services', String(services)], { execArgv: process.execArgv });
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))));
  const cpu = () =>
    new Promise<number>((resolve) => {
      child.once('message', (figures) => resolve((figures as Figures).cpuMicros));
      child.send('cpu');
    });
  const names = {
    cluster: (n: number) => `service-${n % services}.default.svc.cluster.local`,
    missing: (n: number) => `service-${n % 500}.default.svc.cluster.local.svc.cluster.local`,
    'from elsewhere': (n: number) => `host-${n % 1_000}.example.org`,
  };
  for (const [kind, nameOf] of Object.entries(names)) {
    const ask = (n: number) =>
      packet.encode({
        type: 'query',
        id: n & 0xffff,
        flags: packet.RECURSION_DESIRED,
        questions: [{ type: 'A', name: nameOf(n) }],
      });
    const questions = Array.from({ length: 8_192 }, (_, n) => ask(n));
    await flood(port, questions, 1_000);
    const before = await cpu();
    const answered = await flood(port, questions, Number(values.seconds) * 1_000);
    const perCpuSecond = (answered / ((await cpu()) - before)) * 1_000_000;
    const latencies = await steady(port, questions, Number(values.rate), Number(values.seconds));
    const at = (share: number) =>
      latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!.toFixed(2);
    console.log(
      `${kind}: ${Math.round(perCpuSecond).toLocaleString('en')} answers per CPU second; ` +
        `at ${values.rate}/s p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${latencies.length} answered`,
    );
  }
  child.kill();
}

/** As fast as answers come back. A lost packet's place is given to another after a while. */
async function flood(port: number, questions: readonly Buffer[], durationMs: number): Promise<number> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', () => resolve()));
  let next = 0;
  let answered = 0;
  const endMs = performance.now() + durationMs;
  const send = (): void => socket.send(questions[next++ % questions.length]!);
  await new Promise<void>((resolve) => {
    socket.on('message', () => {
      answered++;
      if (performance.now() < endMs) send();
      else resolve();
    });
    for (let i = 0; i < outstanding; i++) send();
  });
  socket.close();
  return answered;
}

/** A question every so often, whatever comes back; the milliseconds of those that were answered, sorted. */
async function steady(port: number, questions: readonly Buffer[], rate: number, seconds: number): Promise<number[]> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', () => resolve()));
  const sentAtMs = new Map<number, number>();
  const latencies: number[] = [];
  socket.on('message', (bytes) => latencies.push(performance.now() - sentAtMs.get(bytes.readUInt16BE(0))!));
  const startMs = performance.now();
  const total = rate * seconds;
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1_000) * rate));
    for (; sent < due; sent++) {
      const question = questions[sent % questions.length]!;
      sentAtMs.set(question.readUInt16BE(0), performance.now());
      socket.send(question);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  socket.close();
  return latencies.sort((a, b) => a - b);
}

await (values.serve ? serve() : measure());
