/**
 * The remote command protocol over WebSocket: messages whose first byte names the channel: 0 stdin, 1 stdout, 2 stderr, 3 error,
 * 4 resize. The subprotocols differ in (see `webSocketProtocols`): the error channel, which carries a Status since v4 and before that a
 * text, for failures only; the close signal of v5, channel 255 with one byte of payload; and the encoding, binary or (`base64`) text of
 * the channel's digit and base64.
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

/** In the order of preference. The empty name is that of a client that offers none. */
export const webSocketProtocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  '',
] as const;
export type WebSocketProtocol = (typeof webSocketProtocols)[number];

/** `socket` has just been accepted under `protocol`; from here on it belongs to the streams. */
export function webSocketStreams(
  socket: WebSocket,
  protocol: WebSocketProtocol,
  selection: StreamSelection,
): ProcessStreams {
  const encoding: Encoding = protocol.includes('base64') ? 'base64' : 'binary';
  const resizes = new ResizeEvents();
  const gone = new AbortController();
  const stdin = selection.stdin ? stdinOf(socket) : undefined;
  let inputEnded = false;

  socket.on('message', (raw: RawData) => {
    const { channel, payload } = decode(raw as Buffer, encoding);
    switch (channel) {
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

  const stdout = selection.stdout ? outputOf(socket, encoding, channels.stdout) : undefined;
  const stderr = selection.stderr ? outputOf(socket, encoding, channels.stderr) : undefined;
  if (protocol !== 'v5.channel.k8s.io') {
    // Clients of the older protocols wait for a first, empty message to know that the connection is established.
    const lowest = stdout ? channels.stdout : stderr ? channels.stderr : channels.error;
    send(socket, encoding, lowest, Buffer.alloc(0)).catch(() => socket.terminate());
  }
  return {
    stdin,
    stdout,
    stderr,
    signal: gone.signal,
    onResize: (listener) => resizes.listen(listener),
    async finish(outcome: Status) {
      const flushed = [stdout, stderr].map((output) => endOutput(output));
      await Promise.all(flushed);
      const told = encodeOutcome(outcome, protocol);
      if (told !== undefined) await send(socket, encoding, channels.error, Buffer.from(told));
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

function outputOf(socket: WebSocket, encoding: Encoding, channel: number): Writable {
  const output = new Writable({
    highWaterMark: streamBufferBytes,
    write(chunk: Buffer, _encoding, callback) {
      send(socket, encoding, channel, chunk).then(() => callback(), callback);
    },
  });
  output.on('error', () => socket.terminate());
  return output;
}

/** Resolves when the bytes were handed to the operating system, or the connection is gone. */
function send(socket: WebSocket, encoding: Encoding, channel: number, payload: Buffer): Promise<void> {
  const message =
    encoding === 'base64'
      ? `${channel}${payload.toString('base64')}`
      : Buffer.concat([Buffer.from([channel]), payload]);
  return new Promise((resolve) => {
    socket.send(message, { binary: encoding === 'binary' }, () => resolve());
  });
}

type Encoding = 'binary' | 'base64';

function decode(message: Buffer, encoding: Encoding): { channel: number | undefined; payload: Buffer } {
  const payload = message.subarray(1);
  if (encoding === 'binary') return { channel: message[0], payload };
  return { channel: (message[0] ?? 0) - digitZero, payload: Buffer.from(payload.toString('latin1'), 'base64') };
}

const digitZero = '0'.charCodeAt(0);

/** What goes to the error channel; undefined: nothing. */
function encodeOutcome(outcome: Status, protocol: WebSocketProtocol): string | undefined {
  if (protocol.startsWith('v')) return JSON.stringify(outcome);
  return outcome.status === 'Success' ? undefined : outcome.message;
}

function endOutput(output: Writable | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (!output || output.destroyed) resolve();
    else output.once('close', resolve).end();
  });
}
