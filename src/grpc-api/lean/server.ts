/**
 * A gRPC server over HTTP/2 with mutual TLS (or, for tests, without), for services where the cost of a call matters: one object per call,
 * no streams of Node.js but the socket's, one write per connection and turn of the event loop.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Method, PeerIdentity } from './call.ts';
import { ServerConnection } from './connection.ts';
import {
  drainMs,
  handshakeTimeoutMs,
  keepaliveIntervalMs,
  keepaliveTimeoutMs,
  maxConnections,
  maxPartialBytes,
  strikeWindowMs,
} from './limits.ts';

export interface LeanServerOptions {
  /** By path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, Method>;
  /** PEM files. Clients must have a certificate of this CA. Absent: plain text, for tests. */
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string } | undefined;
  /** Why the holder of this certificate may not call anything; undefined when it may. */
  readonly refuse?: (peer: PeerIdentity) => string | undefined;
  /** A handler threw something that is no GrpcError. */
  readonly onFailure: (path: string, error: unknown) => void;
}

interface Peer {
  readonly connection: ServerConnection;
  readonly socket: Socket;
  silentSinceMs: number | undefined;
}

const nobody: PeerIdentity = { commonName: '', organizations: [] };

export class LeanServer {
  readonly #options: LeanServerOptions;
  readonly #services: ReadonlySet<string>;
  readonly #server: Server;
  readonly #peers = new Set<Peer>();
  readonly #sockets = new Set<Socket>();
  #flushes: ServerConnection[] = [];
  #partialBytes = 0;
  readonly #timers: NodeJS.Timeout[] = [];
  #stopping = false;

  constructor(options: LeanServerOptions) {
    this.#options = options;
    this.#services = new Set([...options.methods.keys()].map((path) => path.split('/')[1]!));
    const { tls } = options;
    if (tls) {
      this.#server = createTlsServer(
        {
          ca: readFileSync(tls.caFile),
          cert: readFileSync(tls.certFile),
          key: readFileSync(tls.keyFile),
          requestCert: true,
          rejectUnauthorized: true,
          minVersion: 'TLSv1.2',
          ALPNProtocols: ['h2'],
          handshakeTimeout: handshakeTimeoutMs,
          noDelay: true,
        },
        (socket) => this.#connected(socket, identityOf(socket)),
      );
      this.#server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
    } else this.#server = createServer({ noDelay: true }, (socket) => this.#connected(socket, nobody));
    this.#server.on('connection', (socket: Socket) => this.#accepted(socket));
  }

  /** Connections that speak HTTP/2 (or may still begin to). */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Resolves to the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: 1_024 }, () => {
        this.#server.off('error', reject);
        this.#timers.push(setInterval(() => this.#checkAlive(), keepaliveTimeoutMs).unref());
        this.#timers.push(setInterval(() => this.#forgive(), strikeWindowMs).unref());
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /** Lets running calls end for a moment, streams included. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { connection } of this.#peers) connection.drain();
    const forced = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, drainMs);
    await closed;
    clearTimeout(forced);
  }

  #accepted(socket: Socket): void {
    if (this.#sockets.size >= maxConnections || this.#stopping) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }

  #connected(socket: Socket, identity: PeerIdentity): void {
    if (socket.destroyed) return;
    const connection = new ServerConnection(
      {
        write: (bytes) => socket.write(bytes),
        close: () => socket.end(),
        wantsFlush: (one) => this.#wantsFlush(one),
        method: (path) => this.#options.methods.get(path),
        hasService: (name) => this.#services.has(name),
        account: (bytes) => {
          this.#partialBytes += bytes;
          return this.#partialBytes <= maxPartialBytes;
        },
        failed: this.#options.onFailure,
        refusal: this.#options.refuse?.(identity),
      },
      identity,
    );
    const peer: Peer = { connection, socket, silentSinceMs: undefined };
    this.#peers.add(peer);
    const greeting = setTimeout(() => {
      if (!connection.greeted) socket.destroy();
    }, handshakeTimeoutMs).unref();
    socket.on('data', (chunk: Buffer) => connection.receive(chunk));
    socket.on('drain', () => connection.drained());
    // `end` of the other side: HTTP/2 has no half-open connections.
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(greeting);
      this.#peers.delete(peer);
      connection.lost();
    });
  }

  #wantsFlush(connection: ServerConnection): void {
    if (this.#flushes.push(connection) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const flushes = this.#flushes;
    this.#flushes = [];
    for (const connection of flushes) connection.flush();
  }

  #checkAlive(): void {
    const nowMs = performance.now();
    for (const peer of this.#peers) {
      // Asks only every sixth time: the interval of asking is longer than that of waiting for the answer.
      if (peer.silentSinceMs === undefined) {
        if (Math.floor(nowMs / keepaliveTimeoutMs) % (keepaliveIntervalMs / keepaliveTimeoutMs) !== 0) continue;
        if (!peer.connection.checkAlive()) peer.silentSinceMs = nowMs;
      } else if (peer.connection.checkAlive()) peer.silentSinceMs = undefined;
      else if (nowMs - peer.silentSinceMs >= keepaliveTimeoutMs) peer.socket.destroy();
    }
  }

  #forgive(): void {
    for (const { connection } of this.#peers) connection.forgiveStrikes();
  }
}

function identityOf(socket: TLSSocket): PeerIdentity {
  const subject = socket.getPeerCertificate().subject as { CN?: string; O?: string | string[] } | undefined;
  const organizations = subject?.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  return { commonName: subject?.CN ?? '', organizations };
}
