/**
 * Sends one snapshot file to a peer on a connection of its own: what the peer does not have yet, at the pace at which it takes it, and not
 * faster than the limit, so that it takes neither disk nor network nor this thread from the log.
 */
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type * as grpc from '@grpc/grpc-js';
import { RaftService } from '../../gen/trimast/raft/v1/raft_pb.ts';
import { GrpcClient } from '../../lib/grpc.ts';
import type { Message, SnapshotMeta } from '../core/types.ts';
import { snapshotPath } from '../snapshot-file.ts';
import { TokenBucket } from '../token-bucket.ts';
import type { RaftPeer } from '../types.ts';
import { channelOptions, helloTo, type Self } from './channel.ts';
import { messageToWire } from './message-codec.ts';

/** A transfer that takes longer is given up; the next attempt goes on with it, or begins with a newer snapshot. */
const transferTimeoutMs = 30 * 60_000;
/** Small enough that reading, checking and encrypting one is no pause for this thread. */
const pieceBytes = 128 << 10;
/** Share of the limit while entries for the same peer wait. */
const busyShare = 1 / 4;

export interface SnapshotTransfer {
  readonly self: Self;
  readonly peer: RaftPeer;
  readonly credentials: grpc.ChannelCredentials;
  readonly dataDir: string;
  readonly message: Message;
  readonly bytesPerSecond: number;
  /** Entries for the peer wait: be modest. */
  readonly isBusy: () => boolean;
  readonly signal: AbortSignal;
}

/** Resolves with the bytes that were sent when the peer has the snapshot on its disk. @throws the stream's error, or that of reading the file. */
export async function sendSnapshot(transfer: SnapshotTransfer): Promise<number> {
  const { self, peer, credentials, dataDir, message, bytesPerSecond, isBusy, signal } = transfer;
  const client = new GrpcClient(RaftService, peer.address, credentials, channelOptions);
  const stream = client.bidiStream(RaftService.method.installSnapshot, { deadline: Date.now() + transferTimeoutMs });
  const have = Promise.withResolvers<number>();
  const installed = Promise.withResolvers<void>();
  const broken = new AbortController();
  const fail = (error: Error) => {
    have.reject(error);
    installed.reject(error);
    broken.abort(error);
  };
  // Whoever waits hears of it; nobody may be waiting yet.
  have.promise.catch(() => undefined);
  installed.promise.catch(() => undefined);
  stream.on('data', ({ answer }) => {
    if (answer.case === 'have') have.resolve(Number(answer.value.offset));
    else if (answer.case === 'installed') installed.resolve();
  });
  stream.on('error', fail);
  stream.on('end', () => fail(new Error('the peer ended the transfer')));
  const abort = () => {
    fail(new Error('the transfer was given up'));
    stream.cancel();
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  const write = async (value: object) => {
    if (!stream.write({ message: value as never })) await once(stream, 'drain', { signal: broken.signal });
  };
  const file = await open(snapshotPath(dataDir, message.snapshot as SnapshotMeta), 'r');
  try {
    await write({ case: 'header', value: { hello: helloTo(self, peer.id), message: messageToWire(message) } });
    const offset = await have.promise;
    const bucket = new TokenBucket(pieceBytes * 8, performance.now());
    let bytes = 0;
    let fileChecksum = 0;
    for (;;) {
      const data = Buffer.allocUnsafeSlow(pieceBytes);
      // What the peer has is read, too: the checksum is over all.
      const wanted = bytes < offset ? Math.min(pieceBytes, offset - bytes) : pieceBytes;
      const { bytesRead } = await file.read(data, 0, wanted, bytes);
      if (bytesRead === 0) break;
      const piece = data.subarray(0, bytesRead);
      fileChecksum = crc32(piece, fileChecksum);
      bytes += bytesRead;
      if (bytes <= offset) continue;
      await write({ case: 'chunk', value: { data: piece, checksum: crc32(piece) } });
      const pauseMs = bucket.take(bytesRead, isBusy() ? bytesPerSecond * busyShare : bytesPerSecond, performance.now());
      if (pauseMs >= 1) await sleep(pauseMs, undefined, { signal: broken.signal });
    }
    await write({ case: 'end', value: { fileBytes: BigInt(bytes), fileChecksum } });
    await installed.promise;
    return bytes - Math.min(offset, bytes);
  } catch (error) {
    throw broken.signal.aborted ? (broken.signal.reason as Error) : error;
  } finally {
    signal.removeEventListener('abort', abort);
    await file.close();
    stream.cancel();
    client.close();
  }
}
