/** Listens on the cluster's DNS addresses, over UDP and TCP. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { tcp as limits, maxQueryBytes } from './limits.ts';
import type { Resolver } from './resolver.ts';

const receiveBufferBytes = 4 * 1024 * 1024;

export interface DnsServerOptions {
  readonly resolver: Resolver;
  /** Whether packets with this source address come from where they say: pods and addresses of this node. */
  readonly isTrusted: (address: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #sockets: UdpSocket[] = [];
  readonly #servers: Server[] = [];
  readonly #connections = new Map<string, Set<Socket>>();
  #connectionCount = 0;

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /** Returns the port. @throws Error when an address cannot be listened on */
  async listen(address: string, port: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    server.maxConnections = limits.maxConnections;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port }, resolve);
    });
    server.on('error', (error) => this.#options.logger.warn({ err: error }, 'DNS over TCP'));
    this.#servers.push(server);
    const bound = (server.address() as { port: number }).port;
    const family = isIPv6(address) ? 'udp6' : 'udp4';
    const socket = createSocket({ type: family, recvBufferSize: receiveBufferBytes });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port: bound }, resolve);
    });
    // What is wrong with one packet, such as a client that is gone, must not end the others'.
    socket.on('error', (error) => this.#options.logger.debug({ err: error }, 'DNS over UDP'));
    socket.on('message', (bytes, client) => this.#datagram(socket, bytes, client.address, client.port));
    this.#sockets.push(socket);
    return bound;
  }

  async close(): Promise<void> {
    for (const sockets of this.#connections.values()) for (const socket of sockets) socket.destroy();
    await Promise.all([
      ...this.#sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))),
      ...this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    ]);
  }

  #datagram(socket: UdpSocket, bytes: Buffer, address: string, port: number): void {
    // Nobody asks from there; two servers must not be made to talk to each other.
    if (port === 0 || port === 53) return;
    const transport = { tcp: false, trusted: this.#options.isTrusted(address) };
    const answer = this.#options.resolver.handle(bytes, transport);
    const send = (response: Buffer | undefined): void => {
      if (response) socket.send(response, port, address, () => {});
    };
    if (answer instanceof Promise) answer.then(send, (error: unknown) => this.#failed(error));
    else send(answer);
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const mine = this.#connections.get(address) ?? new Set<Socket>();
    if (mine.size >= limits.maxConnectionsPerClient) {
      socket.destroy();
      return;
    }
    this.#connections.set(address, mine.add(socket));
    this.#connectionCount++;
    socket.setNoDelay(true);
    socket.setTimeout(limits.idleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#connectionCount--;
      mine.delete(socket);
      if (mine.size === 0) this.#connections.delete(address);
    });
    this.#read(socket);
  }

  get connections(): number {
    return this.#connectionCount;
  }

  /** Questions of a connection may be answered in any order; who sends them faster than they are answered is read no further. */
  #read(socket: Socket): void {
    let buffered: Buffer = Buffer.alloc(0);
    let pending = 0;
    let ended = false;
    const take = (): void => {
      while (buffered.length >= 2 && pending < limits.maxPending && !socket.destroyed) {
        const length = buffered.readUInt16BE(0);
        if (length > maxQueryBytes) {
          socket.destroy();
          return;
        }
        if (buffered.length < 2 + length) break;
        const message = buffered.subarray(2, 2 + length);
        buffered = buffered.subarray(2 + length);
        pending++;
        Promise.resolve(this.#options.resolver.handle(Buffer.from(message), { tcp: true, trusted: true })).then(
          (response) => {
            pending--;
            if (response && !socket.destroyed) socket.write(framed(response));
            // What is no question has no place in a stream of them.
            if (!response) socket.destroy();
            take();
          },
          (error: unknown) => {
            this.#failed(error);
            socket.destroy();
          },
        );
      }
      if (pending >= limits.maxPending || socket.writableNeedDrain) socket.pause();
      else socket.resume();
      if (ended && pending === 0) socket.end();
    };
    socket.on('data', (chunk: Buffer) => {
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
      take();
    });
    socket.on('drain', take);
    socket.on('end', () => {
      ended = true;
      take();
    });
  }

  #failed(error: unknown): void {
    this.#options.logger.error({ err: error }, 'DNS question not answered: this is a bug');
  }
}

function framed(response: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(response.length);
  return Buffer.concat([length, response]);
}
