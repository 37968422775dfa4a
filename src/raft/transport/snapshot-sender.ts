/** Sends one snapshot file to a peer on a stream of its own, at the pace at which the peer takes it. */
import { once } from 'node:events';
import { crc32 } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { RaftService } from '../../gen/trimast/raft/v1/raft_pb.ts';
import { methodDefinition } from '../../lib/grpc.ts';
import type { Message, SnapshotMeta } from '../core/types.ts';
import { readSnapshot, snapshotPath } from '../snapshot-file.ts';
import type { RaftPeer } from '../types.ts';
import { channelOptions } from './channel.ts';
import { messageToWire } from './message-codec.ts';

/** A transfer that takes longer is given up and begins again with a newer snapshot. */
const transferTimeoutMs = 10 * 60_000;

export interface SnapshotTransfer {
  readonly clusterId: string;
  readonly memberId: number;
  readonly peer: RaftPeer;
  readonly credentials: grpc.ChannelCredentials;
  readonly dataDir: string;
  readonly message: Message;
  readonly signal: AbortSignal;
}

/** Resolves when the peer has the snapshot on its disk. @throws the stream's error, or that of reading the file. */
export async function sendSnapshot(transfer: SnapshotTransfer): Promise<void> {
  const { clusterId, memberId, peer, credentials, dataDir, message, signal } = transfer;
  const meta = message.snapshot as SnapshotMeta;
  const client = new grpc.Client(peer.address, credentials, channelOptions);
  const method = methodDefinition(RaftService.method.installSnapshot);
  try {
    let call: grpc.ClientWritableStream<object> | undefined;
    const finished = new Promise<void>((resolve, reject) => {
      call = client.makeClientStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        new grpc.Metadata(),
        { deadline: Date.now() + transferTimeoutMs },
        (error) => (error ? reject(error) : resolve()),
      );
      signal.addEventListener('abort', () => call?.cancel(), { once: true });
    });
    const stream = call!;
    const sendAll = async () => {
      const write = async (value: object) => {
        if (!stream.write({ message: value })) await once(stream, 'drain', { signal });
      };
      const hello = { clusterId, from: BigInt(memberId), to: BigInt(peer.id) };
      await write({ case: 'header', value: { hello, message: messageToWire(message) } });
      let chunks = 0n;
      for await (const data of readSnapshot(snapshotPath(dataDir, meta), meta)) {
        await write({ case: 'chunk', value: { data, checksum: crc32(data) } });
        chunks++;
      }
      await write({ case: 'end', value: { chunks } });
      stream.end();
    };
    // The peer may refuse before everything is sent; whichever fails first ends the transfer.
    await Promise.race([finished, sendAll().then(() => finished)]);
  } finally {
    client.close();
  }
}
