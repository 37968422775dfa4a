/** Three members of etcd with its defaults, on 127.0.0.1, in a temporary folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RunningEtcd {
  readonly endpoints: string;
  stop(): Promise<void>;
}

export async function startEtcd(binary: string): Promise<RunningEtcd> {
  const dir = mkdtempSync(join(tmpdir(), 'etcd-reference-'));
  const ports = await Promise.all(Array.from({ length: 6 }, freePort));
  const names = ['master-1', 'master-2', 'master-3'];
  const url = (index: number) => `http://127.0.0.1:${ports[index]}`;
  const cluster = names.map((name, index) => `${name}=${url(3 + index)}`).join(',');
  const children: ChildProcess[] = names.map((name, index) =>
    spawn(
      binary,
      [
        ...['--name', name, '--data-dir', join(dir, name), '--log-level', 'fatal'],
        ...['--listen-client-urls', url(index), '--advertise-client-urls', url(index)],
        ...['--listen-peer-urls', url(3 + index), '--initial-advertise-peer-urls', url(3 + index)],
        ...['--initial-cluster', cluster],
      ],
      { stdio: 'ignore' },
    ),
  );
  return {
    endpoints: names.map((_, index) => url(index)).join(','),
    async stop() {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null) return;
          const exited = new Promise((resolve) => child.once('exit', resolve));
          child.kill('SIGKILL');
          await exited;
        }),
      );
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
