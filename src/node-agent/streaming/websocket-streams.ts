/**
 * The remote command protocol over WebSocket, subprotocols v5.channel.k8s.io and v4.channel.k8s.io: binary messages whose first byte names
 * the channel: 0 stdin, 1 stdout, 2 stderr, 3 error (a Status), 4 resize. In v5, channel 255 with one byte of payload closes that channel.
 *
 * All channels share one connection: when the process does not read its input, the connection is paused at `maxStdinBufferBytes`.
 */
import { Readable, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Status } from '../../api/status.ts';
import {
  type ProcessStreams,
  parseTerminalSize,
  pingIntervalMs,
  ResizeEvents,
  type StreamSelection,
  streamBufferBytes,
} from './process-streams.ts';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Larger than `streamBufferBytes`, since pausing the connection holds back pings and resizes too. */
const maxStdinBufferBytes = 1024 * 1024;

/** The largest message taken from a client; kubectl's are 32 KiB. */
export const maxMessageBytes = 4 * 1024 * 1024;

/** In the order of preference. */
export const webSocketProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;
export type WebSocketProtocol = (typeof webSocketProtocols)[number];

/** `socket` has just been accepted under `protocol`; from here on it belongs to the streams. */
export function webSocketStreams(
  socket: WebSocket,
  protocol: WebSocketProtocol,
  selection: StreamSelection,
): ProcessStreams {
  const resizes = new ResizeEvents();
  const gone = new AbortController();
  const stdin = selection.stdin ? stdinOf(socket) : undefined;
  let inputEnded = false;

  socket.on('message', (raw: RawData) => {
    const message = raw as Buffer;
    const payload = message.subarray(1);
    switch (message[0]) {
      case channels.stdin:
        if (!stdin || stdin.destroyed || inputEnded || payload.length === 0) return;
        stdin.push(payload);
        if (stdin.readableLength >= maxStdinBufferBytes) socket.pause();
        return;
      case channels.resize: {
        const size = parseTerminalSize(payload.toString());
        if (size) resizes.emit(size);
        return;
      }
      case channels.close:
        if (payload[0] === channels.stdin && protocol === 'v5.channel.k8s.io' && !inputEnded) {
          inputEnded = true;
          stdin?.push(null);
        }
        return;
    }
  });
  const pings = setInterval(() => {
    if (socket.readyState === socket.OPEN) socket.ping();
  }, pingIntervalMs);
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    clearInterval(pings);
    gone.abort();
    stdin?.destroy();
  });

  const stdout = selection.stdout ? outputOf(socket, channels.stdout) : undefined;
  const stderr = selection.stderr ? outputOf(socket, channels.stderr) : undefined;
  return {
    stdin,
    stdout,
    stderr,
    signal: gone.signal,
    onResize: (listener) => resizes.listen(listener),
    async finish(outcome: Status) {
      const flushed = [stdout, stderr].map((output) => endOutput(output));
      await Promise.all(flushed);
      await send(socket, channels.error, Buffer.from(JSON.stringify(outcome)));
      // A paused connection would never see the client's closing handshake.
      socket.resume();
      stdin?.destroy();
      socket.close(1000);
    },
  };
}

function stdinOf(socket: WebSocket): Readable {
  const stdin = new Readable({
    highWaterMark: streamBufferBytes,
    read() {
      if (socket.isPaused) socket.resume();
    },
    destroy(error, callback) {
      if (socket.isPaused) socket.resume();
      callback(error);
    },
  });
  // The only error is that of the connection, which aborts the signal.
  stdin.on('error', () => socket.terminate());
  return stdin;
}

function outputOf(socket: WebSocket, channel: number): Writable {
  const output = new Writable({
    highWaterMark: streamBufferBytes,
    write(chunk: Buffer, _encoding, callback) {
      send(socket, channel, chunk).then(() => callback(), callback);
    },
  });
  output.on('error', () => socket.terminate());
  return output;
}

/** Resolves when the bytes were handed to the operating system, or the connection is gone. */
function send(socket: WebSocket, channel: number, payload: Buffer): Promise<void> {
  return new Promise((resolve) => {
    socket.send(Buffer.concat([Buffer.from([channel]), payload]), { binary: true }, () => resolve());
  });
}

function endOutput(output: Writable | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (!output || output.destroyed) resolve();
    else output.once('close', resolve).end();
  });
}
