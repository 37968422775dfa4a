/** Every bound of lean gRPC, in one place; a server may have others in {@link LeanLimits}. */

/** Of one request message: etcd's 1.5 MiB and its allowance of 512 KiB for what surrounds it. */
export const maxMessageBytes = 2 * 1024 * 1024;
/** Connections at a time; one more is closed at once. */
export const maxConnections = 10_000;
/** Open calls of one connection; one more is refused (REFUSED_STREAM), which clients take as "wait and try again". */
export const maxStreamsPerConnection = 10_000;
/** What clients have sent of messages that are not complete, all connections together. */
export const maxPartialBytes = 256 * 1024 * 1024;
/** Decoded headers of one call. */
export const maxHeaderBytes = 16 * 1024;
/** Header blocks are remembered per connection, since clients repeat them. */
export const maxCachedHeaderBlocks = 64;
/** Unsent answers of one stream; a handler that has a choice waits until less is there (`Call.onDrain`). */
export const streamHighWaterBytes = 256 * 1024;
/** Unsent answers of one connection whose client does not read; then it is closed. */
export const maxConnectionOutputBytes = 64 * 1024 * 1024;
/** Messages of one stream that its handler has not taken; then the client may send no more. */
export const streamWindowBytes = maxMessageBytes + 64 * 1024;
/** A client may send this much before it is told that it was received. */
export const connectionWindowBytes = 8 * 1024 * 1024;
/** A connection that has not begun to speak HTTP/2 after this time is closed. */
export const handshakeTimeoutMs = 10_000;
/** A silent connection is asked for a sign of life after this time, and closed when none comes within the other. */
export const keepaliveIntervalMs = 120_000;
export const keepaliveTimeoutMs = 20_000;
/** Pings (and other frames that ask for an answer) without any data in between, per {@link strikeWindowMs}. */
export const maxControlFrames = 1_000;
/** Streams that a client opens and resets, per {@link strikeWindowMs}: the "rapid reset" attack. */
export const maxResets = 10_000;
export const strikeWindowMs = 10_000;
/** What a server sets as it needs it. */
export interface LeanLimits {
  readonly maxMessageBytes: number;
  readonly maxConnections: number;
  readonly maxStreamsPerConnection: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly handshakeTimeoutMs: number;
  /** A connection on which no call is open for this long is closed. */
  readonly idleTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
}

export const defaultLimits: LeanLimits = {
  maxMessageBytes,
  maxConnections,
  maxStreamsPerConnection,
  streamWindowBytes,
  connectionWindowBytes,
  handshakeTimeoutMs,
  idleTimeoutMs: Number.POSITIVE_INFINITY,
  keepaliveIntervalMs,
  keepaliveTimeoutMs,
};

/** An answer that nobody waits for may wait this long for one to go along with. */
export const laterMs = 3;
/** How long calls may go on after the server was told to stop. */
export const drainMs = 1_000;
