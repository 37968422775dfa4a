/** The whole state at one revision, for backups: what a master sends, and how a caller takes it in. */
import { once } from 'node:events';
import { crc32 } from 'node:zlib';
import type * as grpc from '@grpc/grpc-js';
import { ClusterService, type SnapshotResponse_Header } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import type { GrpcClient } from '../../lib/grpc.ts';
import type { Store } from '../../store/types.ts';
import { programVersion } from '../program-version.ts';
import type { ClusterIdentity } from './cluster-identity.ts';

const linearizableTimeoutMs = 10_000;
/** A snapshot that is not read to its end is given up after this long without progress. */
const stalledTimeoutMs = 60_000;

export interface SnapshotSource {
  readonly store: Pick<Store, 'linearizable' | 'stateHash'>;
  readonly takeSnapshot: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  readonly identity: ClusterIdentity;
}

export interface TakenSnapshot {
  readonly clusterId: string;
  readonly epoch: number;
  readonly revision: number;
  readonly appliedIndex: number;
  readonly version: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Has everything that was acknowledged before the call, anywhere. @throws StoreError unavailable */
export async function takeSnapshot({ store, takeSnapshot: take, identity }: SnapshotSource): Promise<TakenSnapshot> {
  await store.linearizable({ timeoutMs: linearizableTimeoutMs });
  // Both in this turn of the event loop: they are of the same moment.
  const { revision, appliedIndex } = store.stateHash();
  const chunks = inSlices(take());
  return {
    clusterId: identity.clusterId,
    epoch: identity.epoch ?? 1,
    revision,
    appliedIndex,
    version: programVersion(),
    chunks,
  };
}

/** A chunk takes a few milliseconds to make: between two of them others have their turn. */
async function* inSlices(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Writes a snapshot into a call, at the pace at which the caller reads. Returns when all is written. */
export async function sendSnapshot(
  call: grpc.ServerWritableStream<unknown, object>,
  source: SnapshotSource,
): Promise<void> {
  const { chunks, ...header } = await takeSnapshot(source);
  const write = async (message: object) => {
    if (call.cancelled) throw new Error('the caller has gone');
    if (!call.write({ message })) await once(call, 'drain', { signal: AbortSignal.timeout(stalledTimeoutMs) });
  };
  const { clusterId, epoch, revision, appliedIndex, version } = header;
  const value = { clusterId, epoch, revision: BigInt(revision), appliedIndex: BigInt(appliedIndex), version };
  await write({ case: 'header', value });
  let count = 0n;
  let bytes = 0n;
  for await (const data of chunks) {
    await write({ case: 'chunk', value: { data, checksum: crc32(data) } });
    count++;
    bytes += BigInt(data.length);
  }
  await write({ case: 'end', value: { chunks: count, bytes } });
}

/** The other side: checks every chunk and that nothing is missing. @throws Error by the iteration; the stream's own for the header */
export async function fetchSnapshot(client: GrpcClient<typeof ClusterService>): Promise<TakenSnapshot> {
  const stream = client.serverStream(ClusterService.method.snapshot, {});
  const messages = stream[Symbol.asyncIterator]();
  const first = (await messages.next()).value?.message;
  if (first?.case !== 'header') throw new Error('the master sent no snapshot');
  const header: SnapshotResponse_Header = first.value;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let count = 0n;
    for (;;) {
      const { done, value } = await messages.next();
      const message = done ? undefined : value.message;
      if (message?.case === 'chunk') {
        const { data, checksum } = message.value;
        if (crc32(data) !== checksum) throw new Error(`chunk ${count} of the snapshot fails its checksum`);
        count++;
        yield data;
      } else if (message?.case === 'end') {
        if (message.value.chunks !== count)
          throw new Error(`the snapshot has ${count} chunks of ${message.value.chunks}`);
        return;
      } else throw new Error('the snapshot was cut short: try again');
    }
  }
  return {
    clusterId: header.clusterId,
    epoch: header.epoch,
    revision: Number(header.revision),
    appliedIndex: Number(header.appliedIndex),
    version: header.version,
    chunks: chunks(),
  };
}
