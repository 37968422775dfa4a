import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../lib/logger.ts';
import { adminCertificate, masterCertificate } from '../pki/identities.ts';
import { PkiDirectory } from '../pki/pki-directory.ts';
import { type LoadBalancer, startLoadBalancer } from './load-balancer.ts';
import { parseAddress } from './parse-address.ts';

interface Master {
  readonly name: string;
  readonly server: Server;
  readonly address: string;
  readonly sockets: Set<Socket>;
  ready: boolean;
}

/** A stand-in for a master: HTTPS with client certificates, `/readyz`, `/name`, and `/stream`, which answers and stays open. */
describe('startLoadBalancer', () => {
  let folder: string;
  let pki: PkiDirectory;
  const cleanups: (() => unknown)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trimast-lb-'));
    pki = new PkiDirectory(folder);
    await pki.init('test');
    await pki.ensure('master', masterCertificate({ name: 'm', addresses: [], clusterDomain: 'cluster.local' }));
    await pki.ensure('admin', adminCertificate);
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const tlsOptions = (name: string) => {
    const files = pki.files(name);
    return { ca: readFileSync(files.caFile), cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) };
  };

  async function startMaster(name: string, port = 0): Promise<Master> {
    const sockets = new Set<Socket>();
    const server = createServer(
      { ...tlsOptions('master'), requestCert: true, rejectUnauthorized: true },
      (call, response) => {
        if (call.url === '/readyz') response.writeHead(master.ready ? 200 : 500).end();
        else if (call.url === '/name') response.end(name);
        else response.write(name);
      },
    );
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.listen(port, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const master: Master = { name, server, address, sockets, ready: true };
    cleanups.push(() => kill(master));
    return master;
  }

  async function kill(master: Master): Promise<void> {
    const closed = new Promise((resolve) => master.server.close(resolve));
    for (const socket of master.sockets) socket.resetAndDestroy();
    await closed;
  }

  async function start(backends: { name: string; address: string }[], checkIntervalMs = 20): Promise<LoadBalancer> {
    const balancer = await startLoadBalancer(
      { listen: '127.0.0.1:0', backends, tls: pki.files('admin'), checkIntervalMs },
      silentLogger,
    );
    cleanups.push(() => balancer.close());
    return balancer;
  }

  function get(balancer: LoadBalancer, path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request(
        { ...tlsOptions('admin'), host: '127.0.0.1', port: balancer.port, path, agent: false },
        (response) => {
          let body = '';
          response.on('data', (chunk) => {
            body += chunk;
          });
          response.once('end', () => resolve(body));
        },
      );
      call.once('error', reject).end();
    });
  }

  const healthy = (balancer: LoadBalancer) =>
    balancer
      .state()
      .filter((state) => state.healthy)
      .map((state) => state.name);

  it('spreads connections over the masters that are ready', async () => {
    const masters = await Promise.all([startMaster('a'), startMaster('b'), startMaster('c')]);
    masters[2]!.ready = false;
    const balancer = await start(masters);
    await vi.waitFor(() => expect(healthy(balancer)).toEqual(['a', 'b']));
    const names = new Set<string>();
    for (let index = 0; index < 6; index++) names.add(await get(balancer, '/name'));
    expect(names).toEqual(new Set(['a', 'b']));
  });

  it('tries the next master before the client sees a refused connection', async () => {
    const alive = await startMaster('alive');
    const dead = await startMaster('dead');
    await kill(dead);
    const balancer = await start([dead, alive], 60_000);
    const names = await Promise.all([1, 2, 3, 4].map(() => get(balancer, '/name')));
    expect(names).toEqual(['alive', 'alive', 'alive', 'alive']);
  });

  it('ejects a master that dies at once, without waiting for the next check', async () => {
    const [first, second] = await Promise.all([startMaster('first'), startMaster('second')]);
    const balancer = await start([first, second], 60_000);
    await vi.waitFor(() => expect(healthy(balancer)).toEqual(['first', 'second']));
    await kill(first);
    await vi.waitFor(() => expect(healthy(balancer)).toEqual(['second']), { interval: 5, timeout: 10_000 });
  });

  it('takes a master back when it answers again', async () => {
    const first = await startMaster('first');
    const balancer = await start([first]);
    await vi.waitFor(() => expect(healthy(balancer)).toEqual(['first']));
    await kill(first);
    await vi.waitFor(() => expect(healthy(balancer)).toEqual([]));
    await startMaster('first', parseAddress(first.address).port);
    await vi.waitFor(() => expect(healthy(balancer)).toEqual(['first']));
  });

  it('leaves open connections alone when their master is not ready any more', async () => {
    const master = await startMaster('a');
    const balancer = await start([master]);
    await vi.waitFor(() => expect(healthy(balancer)).toEqual(['a']));
    const body = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      request(
        { ...tlsOptions('admin'), host: '127.0.0.1', port: balancer.port, path: '/stream', agent: false },
        resolve,
      )
        .once('error', reject)
        .end();
    });
    let closed = false;
    body.on('close', () => {
      closed = true;
    });
    body.on('error', () => {
      closed = true;
    });
    await new Promise((resolve) => body.once('data', resolve));
    master.ready = false;
    await vi.waitFor(() => expect(healthy(balancer)).toEqual([]));
    master.ready = true;
    await vi.waitFor(() => expect(healthy(balancer)).toEqual(['a']));
    expect(closed).toBe(false);
  });

  it('passes on a half-closed connection, and all bytes', async () => {
    const echo = createTcpServer({ allowHalfOpen: true }, (socket) => {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.once('end', () => socket.end(Buffer.concat(chunks)));
      socket.on('error', () => socket.destroy());
    });
    echo.listen(0, '127.0.0.1');
    await new Promise((resolve) => echo.once('listening', resolve));
    cleanups.push(() => echo.close());
    const balancer = await start([{ name: 'echo', address: `127.0.0.1:${(echo.address() as AddressInfo).port}` }]);
    const sent = Buffer.alloc(3_000_000, 'trimast');
    const received = await new Promise<Buffer>((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connect({ host: '127.0.0.1', port: balancer.port });
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.once('end', () => resolve(Buffer.concat(chunks)));
      socket.once('error', reject);
      socket.end(sent);
    });
    expect(received.equals(sent)).toBe(true);
    await vi.waitFor(() => expect(balancer.state()[0]!.connections).toBe(0));
  });

  it('refuses the client when no master accepts connections', async () => {
    const dead = await startMaster('dead');
    await kill(dead);
    const balancer = await start([dead]);
    await expect(get(balancer, '/name')).rejects.toThrow();
  });

  it('says which address is taken', async () => {
    const master = await startMaster('a');
    await expect(
      startLoadBalancer({ listen: master.address, backends: [master], tls: pki.files('admin') }, silentLogger),
    ).rejects.toThrow(master.address);
  });
});

describe('parseAddress', () => {
  it('reads host:port and [v6]:port, and refuses the rest', () => {
    expect(parseAddress('10.0.0.1:6443')).toEqual({ host: '10.0.0.1', port: 6443 });
    expect(parseAddress('[::1]:0')).toEqual({ host: '::1', port: 0 });
    for (const wrong of ['', 'host', 'host:', 'host:70000', '::1:80', 'a b:1'])
      expect(() => parseAddress(wrong)).toThrow(RangeError);
  });
});
