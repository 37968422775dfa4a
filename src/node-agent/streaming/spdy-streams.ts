/**
 * The remote command protocol v4 over SPDY/3.1: the client opens one stream per channel, named by the header `streamtype` (error, stdin,
 * stdout, stderr, resize); an ended stream is a closed channel. Spoken by kubectl before 1.30, by later ones as a fallback.
 */
import type { Duplex } from 'node:stream';
import { ApiError, type Status } from '../../api/status.ts';
import { SpdySession, type SpdyStream } from '../../lib/spdy/index.ts';
import {
  type ProcessStreams,
  parseTerminalSize,
  pingIntervalMs,
  ResizeEvents,
  type StreamSelection,
} from './process-streams.ts';

export const remoteCommandProtocol = 'v4.channel.k8s.io';

/** How long a client may take to open its streams. */
const streamCreationTimeoutMs = 30_000;
const maxResizeMessageBytes = 1024;

/** Waits until the client has opened every stream that its query announced. @throws ApiError when it does not. */
export async function spdyStreams(connection: Duplex, selection: StreamSelection): Promise<ProcessStreams> {
  const expected = new Set(['error']);
  if (selection.stdin) expected.add('stdin');
  if (selection.stdout) expected.add('stdout');
  if (selection.stderr) expected.add('stderr');
  if (selection.tty) expected.add('resize');

  const opened = new Map<string, SpdyStream>();
  const gone = new AbortController();
  const complete = Promise.withResolvers<void>();
  const session = new SpdySession(connection, {
    role: 'server',
    onStream(stream) {
      const type = stream.headers.streamtype ?? '';
      // A reset stream is a client that is gone: there is no use in the others.
      stream.on('error', () => session.destroy());
      if (!expected.has(type) || opened.has(type)) {
        stream.destroy();
        return;
      }
      opened.set(type, stream);
      if (opened.size === expected.size) complete.resolve();
    },
  });
  // A server's pings have even ids.
  const pings = setInterval(() => session.ping(2), pingIntervalMs);
  const lost = session.closed.then((error) => {
    clearInterval(pings);
    gone.abort();
    complete.reject(
      new ApiError('BadRequest', 'connection closed before all streams were opened', undefined, { cause: error }),
    );
  });
  // The session ends only when all that was sent has been read; a client that is gone is gone before that.
  connection.once('close', () => gone.abort());
  const timer = setTimeout(() => {
    complete.reject(
      new ApiError('Timeout', `the client did not open its streams within ${streamCreationTimeoutMs} ms`),
    );
    session.destroy();
  }, streamCreationTimeoutMs);
  try {
    await complete.promise;
  } finally {
    clearTimeout(timer);
  }

  const resizes = new ResizeEvents();
  const resize = opened.get('resize');
  if (resize) readResizes(resize, resizes);
  const stdout = opened.get('stdout');
  const stderr = opened.get('stderr');
  const error = opened.get('error')!;
  const stdin = opened.get('stdin');
  // Our end of stdin stays open until the outcome is known: kubectl takes its FIN as the order to stop sending.
  // The client has nothing to say on these; its FIN must still be read.
  for (const output of [stdout, stderr, error]) output?.resume();
  return {
    stdin,
    stdout,
    stderr,
    signal: gone.signal,
    onResize: (listener) => resizes.listen(listener),
    async finish(outcome: Status) {
      stdin?.destroy();
      error.end(JSON.stringify(outcome));
      await Promise.race([lost, Promise.all([stdout, stderr, error].map(flush))]);
      session.close();
    },
  };
}

/** The client's JSON encoder writes one object after the other, each with a line feed. */
function readResizes(stream: SpdyStream, resizes: ResizeEvents): void {
  let pending = '';
  stream.on('data', (chunk: Buffer) => {
    pending += chunk.toString();
    const messages = pending.split('\n');
    pending = messages.pop()!;
    if (pending.length > maxResizeMessageBytes) stream.destroy();
    for (const message of messages) {
      const size = parseTerminalSize(message);
      if (size) resizes.emit(size);
    }
  });
}

function flush(stream: SpdyStream | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (!stream || stream.destroyed || stream.writableFinished) resolve();
    else {
      stream.once('finish', resolve).once('close', resolve);
      if (!stream.writableEnded) stream.end();
    }
  });
}
