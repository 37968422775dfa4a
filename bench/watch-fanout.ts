/**
 * One write seen by many watchers on one replica, through both interfaces: `./trimast bench watch-fanout [WATCHERS] [WRITES] [WATCHERS-PER-CONNECTION]`
 * (default 1000, 100 and 100). Watchers are HTTP/2 streams straight to one follower; each write goes through the leader. Milliseconds from the
 * sending of the write, by one clock, to the arrival of its event at each watcher. The client does as little as it can with an event: it looks for
 * the write's number.
 */
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { Cluster, type Member } from '../e2e/support/cluster.ts';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';
import { PutRequestSchema, WatchRequestSchema } from '../src/gen/etcd/etcdserverpb/rpc_pb.ts';

const watchers = Number(process.argv[2] ?? 1000);
const writes = Number(process.argv[3] ?? 100);
const perConnection = Number(process.argv[4] ?? 100);
const barMs = 50;
const writePauseMs = 100;
const valueBytes = 256;

interface Tls {
  readonly ca: string | Buffer;
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

interface Interface {
  readonly name: string;
  readonly tls: Tls;
  origin(member: Member): string;
  /** A stream that is answered once the watch stands. */
  watch(session: ClientHttp2Session): ClientHttp2Stream;
  /** Resolves when the write is acknowledged. */
  write(session: ClientHttp2Session, value: string): Promise<void>;
}

const address = ({ address }: Member, port: number | undefined) => `https://${address}:${port}`;
/** Clock ticks of a process so far, of 10 ms each. */
const ticksOf = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return Number(fields[11]) + Number(fields[12]);
};
const marker = (number: number) => `write-${String(number).padStart(6, '0')}-`;
const valueOfWrite = (number: number) => marker(number).padEnd(valueBytes, 'x');

/** Ends well only with this status: of HTTP, and of gRPC where there is one. */
function ended(stream: ClientHttp2Stream, statuses: readonly number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let problem: string | undefined = 'no answer';
    stream.on('response', (headers) => {
      problem = statuses.includes(Number(headers[':status'])) ? undefined : `status ${headers[':status']}`;
    });
    stream.on('trailers', (trailers) => {
      if (trailers['grpc-status'] !== '0') problem = `gRPC status ${trailers['grpc-status']}`;
    });
    stream.on('error', reject);
    stream.on('end', () => (problem ? reject(new Error(`the write failed: ${problem}`)) : resolve()));
    stream.resume();
  });
}

function kubernetes(kubeconfig: string): Interface {
  const { ca, cert, key } = loadKubeconfig(kubeconfig);
  const path = '/api/v1/namespaces/default/configmaps';
  let exists = false;
  return {
    name: 'Kubernetes API (JSON)',
    tls: { ca: ca!, cert: cert!, key: key! },
    origin: (member) => address(member, member.ports.api),
    watch: (session) =>
      session.request({ ':path': `${path}?watch=true&fieldSelector=metadata.name%3Dwatched&resourceVersion=0` }),
    async write(session, value) {
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'watched' }, data: { value } };
      const headers = exists
        ? { ':method': 'PATCH', ':path': `${path}/watched`, 'content-type': 'application/merge-patch+json' }
        : { ':method': 'POST', ':path': path, 'content-type': 'application/json' };
      exists = true;
      const stream = session.request(headers);
      stream.end(JSON.stringify(headers[':method'] === 'PATCH' ? { data: { value } } : body));
      await ended(stream, [200, 201]);
    },
  };
}

function etcd(tls: Tls): Interface {
  const key = Buffer.from('watched');
  const grpc = (session: ClientHttp2Session, method: string, message: Uint8Array) => {
    const headers = { 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ':method': 'POST', ':path': `/etcdserverpb.${method}`, ...headers });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.write(Buffer.concat([head, message]));
    return stream;
  };
  return {
    name: 'etcd v3 API',
    tls,
    origin: (member) => address(member, member.ports.etcd),
    watch: (session) =>
      grpc(
        session,
        'Watch/Watch',
        toBinary(
          WatchRequestSchema,
          create(WatchRequestSchema, { requestUnion: { case: 'createRequest', value: { key } } }),
        ),
      ),
    async write(session, value) {
      const message = create(PutRequestSchema, { key, value: Buffer.from(value) });
      const stream = grpc(session, 'KV/Put', toBinary(PutRequestSchema, message));
      stream.end();
      await ended(stream, [200]);
    },
  };
}

async function open(tls: Tls, origin: string): Promise<ClientHttp2Session> {
  const session = connect(origin, { ...tls, settings: { initialWindowSize: 1 << 20 } });
  session.setMaxListeners(0);
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve());
    session.once('error', reject);
  });
  return session;
}

/** What the watchers see, write by write. */
class Sightings {
  readonly latenciesMs: number[] = [];
  #number = -1;
  #marker = Buffer.alloc(0);
  #sentMs = 0;
  #missing = 0;
  #done: () => void = () => undefined;

  expect(number: number, count: number): Promise<void> {
    this.#number = number;
    this.#marker = Buffer.from(marker(number));
    this.#missing = count;
    this.#sentMs = performance.now();
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  /** Bytes came for a watcher, who has seen writes up to `seen`; returns up to where it has seen them now. */
  bytes(chunk: Buffer, seen: number): number {
    if (seen === this.#number || !chunk.includes(this.#marker)) return seen;
    this.latenciesMs.push(performance.now() - this.#sentMs);
    if (--this.#missing === 0) this.#done();
    return this.#number;
  }
}

async function measure(api: Interface, leader: Member, replica: Member): Promise<boolean> {
  const writer = await open(api.tls, api.origin(leader));
  const sessions: ClientHttp2Session[] = [];
  const sightings = new Sightings();
  await api.write(writer, 'nothing yet');
  const standing: Promise<void>[] = [];
  for (let watcher = 0; watcher < watchers; watcher++) {
    if (watcher % perConnection === 0) sessions.push(await open(api.tls, api.origin(replica)));
    const stream = api.watch(sessions.at(-1)!);
    let seen = -1;
    standing.push(
      new Promise((resolve, reject) => {
        stream.once('data', () => resolve());
        stream.once('error', reject);
        stream.once('end', () => reject(new Error('a watch ended')));
      }),
    );
    stream.on('data', (chunk: Buffer) => {
      seen = sightings.bytes(chunk, seen);
    });
  }
  await Promise.all(standing);
  const acknowledgedMs: number[] = [];
  const ticksBefore = ticksOf(replica.pid!);
  for (let number = 0; number < writes; number++) {
    const seen = sightings.expect(number, watchers);
    const sentMs = performance.now();
    const acknowledged = api.write(writer, valueOfWrite(number));
    void acknowledged.then(() => acknowledgedMs.push(performance.now() - sentMs));
    await Promise.all([seen, acknowledged]);
    await new Promise((resolve) => setTimeout(resolve, writePauseMs));
  }
  const cpuUs = ((ticksOf(replica.pid!) - ticksBefore) * 10_000) / (writes * watchers);
  for (const session of [writer, ...sessions]) session.destroy();
  const sorted = sightings.latenciesMs.sort((a, b) => a - b);
  const at = (values: readonly number[], share: number) =>
    values[Math.min(values.length - 1, Math.floor(values.length * share))]!.toFixed(1);
  const p99 = Number(at(sorted, 0.99));
  acknowledgedMs.sort((a, b) => a - b);
  console.log(
    `${api.name}: ${writes} writes, ${watchers} watchers on ${sessions.length} connections to ${replica.name}: ` +
      `seen after median ${at(sorted, 0.5)} ms, p99 ${p99} ms, max ${at(sorted, 1)} ms; ` +
      `acknowledged after median ${at(acknowledgedMs, 0.5)} ms; ${cpuUs.toFixed(1)} µs of the replica's processor time for each event (bar: p99 ${barMs} ms): ${p99 <= barMs ? 'reached' : 'MISSED'}`,
  );
  return p99 <= barMs;
}

const cluster = new Cluster();
try {
  await cluster.up('--workers', '0');
  const leader = await cluster.leader();
  const status = await cluster.status();
  const replica = status.members.find(({ kind, leader }) => kind === 'master' && !leader)!;
  const { caFile, certFile, keyFile } = (status as unknown as { etcd: Record<string, string> }).etcd;
  const [ca, cert, key] = [caFile, certFile, keyFile].map((file) => readFileSync(file!)) as [Buffer, Buffer, Buffer];
  for (const api of [kubernetes(cluster.kubeconfig), etcd({ ca, cert, key })])
    if (!(await measure(api, leader, replica))) process.exitCode = 1;
} finally {
  await cluster.destroy();
}
