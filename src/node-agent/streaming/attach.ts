/** Joins a client to the first process of a container: our protocols towards the client, SPDY towards containerd. */
import type { Readable } from 'node:stream';
import { ApiError, type Status } from '../../api/status.ts';
import { SpdySession, type SpdyStream } from '../../lib/spdy/index.ts';
import type { RuntimeStreaming } from './cri-streaming.ts';
import { exitOutcome } from './outcome.ts';
import type { ProcessStreams, StreamSelection } from './process-streams.ts';
import { remoteCommandProtocol } from './spdy-streams.ts';

const maxOutcomeBytes = 64 * 1024;

/** Resolves when the container has ended or the client has gone. */
export async function attach(
  runtime: RuntimeStreaming,
  containerId: string,
  selection: StreamSelection,
  streams: ProcessStreams,
): Promise<Status> {
  const { socket } = await runtime.attach(containerId, selection, {
    upgrade: 'SPDY/3.1',
    'x-stream-protocol-version': remoteCommandProtocol,
  });
  const session = new SpdySession(socket, { role: 'client' });
  const abandon = () => session.destroy();
  streams.signal.addEventListener('abort', abandon, { once: true });
  if (streams.signal.aborted) abandon();
  try {
    const open = (streamtype: string): SpdyStream => {
      const stream = session.openStream({ streamtype });
      // The session's end is awaited below; a reset of one stream ends the attachment.
      stream.on('error', abandon);
      return stream;
    };
    const error = open('error');
    const outcome = readOutcome(error);
    const outputs: Promise<void>[] = [];
    if (streams.stdin) streams.stdin.pipe(open('stdin'));
    for (const name of ['stdout', 'stderr'] as const) {
      const output = streams[name];
      if (!output) continue;
      const stream = open(name);
      stream.pipe(output, { end: false });
      outputs.push(ended(stream));
    }
    if (selection.tty) {
      const resize = open('resize');
      streams.onResize(({ width, height }) => resize.write(`${JSON.stringify({ Width: width, Height: height })}\n`));
    }
    const status = await Promise.race([outcome, session.closed.then(() => undefined)]);
    await Promise.all(outputs);
    return status ?? exitOutcome(0);
  } finally {
    streams.signal.removeEventListener('abort', abandon);
    session.close();
  }
}

function ended(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('end', resolve).once('close', resolve);
  });
}

/** Undefined when the stream ends without a word, which means success. */
async function readOutcome(stream: Readable): Promise<Status | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxOutcomeBytes) chunks.push(chunk);
  });
  await ended(stream);
  if (chunks.length === 0) return undefined;
  const text = Buffer.concat(chunks).toString();
  try {
    return JSON.parse(text) as Status;
  } catch {
    return new ApiError('InternalError', `attach failed in the container runtime: ${text}`).toStatus();
  }
}
