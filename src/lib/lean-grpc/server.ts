/**
 * A gRPC server over HTTP/2 with mutual TLS (or, for tests, without), for services where the cost of a call matters: one object per call,
 * no streams of Node.js but the socket's, one write per connection and turn of the event loop.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Method, PeerIdentity } from './call.ts';
import { ServerConnection } from './connection.ts';
import { defaultLimits, drainMs, type LeanLimits, laterMs, maxPartialBytes, strikeWindowMs } from './limits.ts';

export interface LeanServerOptions {
  /** By path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, Method>;
  /** PEM files. Clients must have a certificate of this CA. Absent: plain text, for tests. */
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string } | TlsPems | undefined;
  readonly limits?: Partial<LeanLimits> | undefined;
  /** Why the holder of this certificate may not call anything; undefined when it may. */
  readonly refuse?: (peer: PeerIdentity) => string | undefined;
  /** A handler threw something that is no GrpcError. */
  readonly onFailure: (path: string, error: unknown) => void;
}

/** PEM. */
export interface TlsPems {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface Peer {
  readonly connection: ServerConnection;
  readonly socket: Socket;
  idleSinceMs: number | undefined;
  silentSinceMs: number | undefined;
}

const nobody: PeerIdentity = { commonName: '', organizations: [] };

export class LeanServer {
  readonly #options: LeanServerOptions;
  readonly #services: ReadonlySet<string>;
  readonly #server: Server | TlsServer;
  readonly #limits: LeanLimits;
  readonly #peers = new Set<Peer>();
  readonly #sockets = new Set<Socket>();
  #flushes: ServerConnection[] = [];
  #laterFlushes = new Set<ServerConnection>();
  #partialBytes = 0;
  readonly #timers: NodeJS.Timeout[] = [];
  #stopping = false;

  constructor(options: LeanServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#services = new Set([...options.methods.keys()].map((path) => path.split('/')[1]!));
    const { tls } = options;
    if (tls) {
      this.#server = createTlsServer(
        {
          ...pemsOf(tls),
          requestCert: true,
          rejectUnauthorized: true,
          minVersion: minTlsVersion,
          ALPNProtocols: ['h2'],
          handshakeTimeout: this.#limits.handshakeTimeoutMs,
          noDelay: true,
        },
        (socket) => this.#connected(socket, identityOf(socket)),
      );
      this.#server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
    } else this.#server = createServer({ noDelay: true }, (socket) => this.#connected(socket, nobody));
    this.#server.on('connection', (socket: Socket) => this.#accepted(socket));
  }

  /** New connections use these. Only of a server with TLS. */
  setCertificates(pems: TlsPems): void {
    (this.#server as TlsServer).setSecureContext({ ...pems, minVersion: minTlsVersion });
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
        const { keepaliveTimeoutMs, idleTimeoutMs } = this.#limits;
        this.#timers.push(setInterval(() => this.#checkAlive(), keepaliveTimeoutMs).unref());
        if (Number.isFinite(idleTimeoutMs))
          this.#timers.push(setInterval(() => this.#checkIdle(), idleTimeoutMs / 4).unref());
        this.#timers.push(setInterval(() => this.#forgive(), strikeWindowMs).unref());
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /** Ends everything at once. */
  close(): void {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
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
    if (this.#sockets.size >= this.#limits.maxConnections || this.#stopping) {
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
        wantsFlushLater: (one) => this.#wantsFlushLater(one),
        method: (path) => this.#options.methods.get(path),
        hasService: (name) => this.#services.has(name),
        account: (bytes) => {
          this.#partialBytes += bytes;
          return this.#partialBytes <= maxPartialBytes;
        },
        failed: this.#options.onFailure,
        limits: this.#limits,
        refusal: this.#options.refuse?.(identity),
      },
      identity,
    );
    const peer: Peer = { connection, socket, silentSinceMs: undefined, idleSinceMs: undefined };
    this.#peers.add(peer);
    const greeting = setTimeout(() => {
      if (!connection.greeted) socket.destroy();
    }, this.#limits.handshakeTimeoutMs).unref();
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

  #wantsFlushLater(connection: ServerConnection): void {
    if (this.#laterFlushes.add(connection).size === 1) setTimeout(() => this.#flushLater(), laterMs);
  }

  #flushLater(): void {
    const connections = this.#laterFlushes;
    this.#laterFlushes = new Set();
    for (const connection of connections) connection.flush();
  }

  #flush(): void {
    const flushes = this.#flushes;
    this.#flushes = [];
    for (const connection of flushes) connection.flush();
  }

  #checkAlive(): void {
    const nowMs = performance.now();
    const { keepaliveIntervalMs, keepaliveTimeoutMs } = this.#limits;
    for (const peer of this.#peers) {
      // The interval of asking may be longer than that of waiting for the answer.
      if (peer.silentSinceMs === undefined) {
        if (Math.floor(nowMs / keepaliveTimeoutMs) % (keepaliveIntervalMs / keepaliveTimeoutMs) !== 0) continue;
        if (!peer.connection.checkAlive()) peer.silentSinceMs = nowMs;
      } else if (peer.connection.checkAlive()) peer.silentSinceMs = undefined;
      else if (nowMs - peer.silentSinceMs >= keepaliveTimeoutMs) peer.socket.destroy();
    }
  }

  #checkIdle(): void {
    const nowMs = performance.now();
    for (const peer of this.#peers) {
      if (peer.connection.openCalls > 0) peer.idleSinceMs = undefined;
      else if (peer.idleSinceMs === undefined) peer.idleSinceMs = nowMs;
      else if (nowMs - peer.idleSinceMs >= this.#limits.idleTimeoutMs) peer.socket.destroy();
    }
  }

  #forgive(): void {
    for (const { connection } of this.#peers) connection.forgiveStrikes();
  }
}

const minTlsVersion = 'TLSv1.2';

function pemsOf(tls: NonNullable<LeanServerOptions['tls']>): TlsPems {
  if ('ca' in tls) return tls;
  return { ca: readFileSync(tls.caFile), cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) };
}

function identityOf(socket: TLSSocket): PeerIdentity {
  const subject = socket.getPeerCertificate().subject as { CN?: string; O?: string | string[] } | undefined;
  const organizations = subject?.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  return { commonName: subject?.CN ?? '', organizations };
}
