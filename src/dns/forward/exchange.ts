/**
 * One question to one server, one answer back. Over UDP each question has a socket of its own, so that its port is as random as its id, and
 * only that server's packets are seen; what does not match the question is ignored until the time is over.
 */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';

export interface Server {
  readonly address: string;
  readonly port: number;
}

/** `read`: undefined for what is not the answer. @throws Error when there is no answer */
export function exchangeUdp<T>(
  server: Server,
  message: Buffer,
  read: (bytes: Buffer) => T | undefined,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const settle = (end: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      // A socket that is closed before it is bound still reports.
      socket.on('error', () => {});
      try {
        socket.close();
      } catch {
        // It had not begun: nothing to close.
      }
      end();
    };
    const onAbort = (): void => settle(() => reject(new Error(`${show(server)} does not answer`)));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => settle(() => reject(error)));
    socket.on('message', (bytes) => {
      const answer = read(bytes);
      if (answer !== undefined) settle(() => resolve(answer));
    });
    socket.connect(server.port, server.address, () => socket.send(message));
  });
}

/** @throws Error when there is no answer */
export function exchangeTcp<T>(
  server: Server,
  message: Buffer,
  read: (bytes: Buffer) => T | undefined,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port, signal });
    const chunks: Buffer[] = [];
    let size = 0;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${show(server)} ended the connection`)));
    socket.on('connect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      socket.write(Buffer.concat([length, message]));
    });
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size < 2) return;
      const all = Buffer.concat(chunks);
      const expected = all.readUInt16BE(0);
      if (size < 2 + expected) return;
      const answer = read(all.subarray(2, 2 + expected));
      if (answer === undefined) reject(new Error(`${show(server)} answers another question`));
      else resolve(answer);
      socket.destroy();
    });
  });
}

function show({ address, port }: Server): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
