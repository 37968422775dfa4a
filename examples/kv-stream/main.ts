/**
 * Bulk writes over `trimast.kv.v1`: many clients, each with one stream and many writes in flight.
 *
 *   node examples/kv-stream/main.ts --endpoints HOST:PORT[,...] --cacert F --cert F --key F [--clients 100] [--in-flight 64] [--seconds 5] [--value-bytes 256]
 *
 * `trimast status` prints these arguments. Every write is answered; the program counts what was committed, refused and unknown.
 */
import { parseArgs } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { KvService, StreamRequestSchema, StreamResponseSchema } from '../../src/gen/trimast/kv/v1/kv_pb.ts';
import { clientCredentials } from '../../src/lib/grpc.ts';

const { values } = parseArgs({
  options: {
    endpoints: { type: 'string' },
    cacert: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    clients: { type: 'string', default: '100' },
    'in-flight': { type: 'string', default: '64' },
    seconds: { type: 'string', default: '5' },
    'value-bytes': { type: 'string', default: '256' },
  },
});
if (!values.endpoints || !values.cacert || !values.cert || !values.key) {
  console.error('--endpoints, --cacert, --cert and --key are needed: see "trimast status"');
  process.exit(2);
}
const addresses = values.endpoints.split(',').map((endpoint) => endpoint.replace('https://', ''));
const credentials = clientCredentials({ caFile: values.cacert, certFile: values.cert, keyFile: values.key });
const inFlight = Number(values['in-flight']);
const value = Buffer.alloc(Number(values['value-bytes']), 'x');
const endMs = performance.now() + Number(values.seconds) * 1_000;

const totals = { committed: 0, refused: 0, unknown: 0 };
const latenciesMs: number[] = [];

/** Writes until the time is over, then waits for the answers that are missing. */
function write(client: number): Promise<void> {
  const channel = new grpc.Client(addresses[client % addresses.length]!, credentials, {
    'grpc.ssl_target_name_override': 'localhost',
    'grpc.use_local_subchannel_pool': 1,
  });
  const stream = channel.makeBidiStreamRequest(
    `/${KvService.typeName}/${KvService.method.stream.name}`,
    (request: Uint8Array) => Buffer.from(request),
    (bytes: Buffer) => bytes,
  );
  const sentMs = new Map<bigint, number>();
  let number = 0n;
  const fill = (): void => {
    const calls = [];
    while (sentMs.size < inFlight && performance.now() < endMs) {
      number++;
      sentMs.set(number, performance.now());
      const key = Buffer.from(`example/${client}/${Number(number) % 1_000}`);
      calls.push({ number, operation: { case: 'put' as const, value: { key, value } } });
    }
    if (calls.length > 0) stream.write(toBinary(StreamRequestSchema, create(StreamRequestSchema, { calls })));
    else if (sentMs.size === 0) stream.end();
  };
  stream.on('data', (bytes: Buffer) => {
    for (const result of fromBinary(StreamResponseSchema, bytes).results) {
      latenciesMs.push(performance.now() - sentMs.get(result.number)!);
      sentMs.delete(result.number);
      if (result.outcome.case) totals[result.outcome.case]++;
    }
    fill();
  });
  fill();
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('end', () => {
      channel.close();
      resolve();
    });
  });
}

const startedMs = performance.now();
await Promise.all(Array.from({ length: Number(values.clients) }, (_, client) => write(client)));
const seconds = (performance.now() - startedMs) / 1_000;
latenciesMs.sort((a, b) => a - b);
const percentile = (share: number) => (latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0).toFixed(1);
console.log(
  `${Math.round(totals.committed / seconds)} writes/s; ${totals.committed} committed, ${totals.refused} refused, ${totals.unknown} unknown; ` +
    `latency ms p50 ${percentile(0.5)}, p99 ${percentile(0.99)}`,
);
