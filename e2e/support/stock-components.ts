/** The stock kube-controller-manager and kube-scheduler, in place of ours, against a cluster that was made with `--disable scheduler,controllers`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import type { Cluster } from './cluster.ts';

const programs = ['kube-controller-manager', 'kube-scheduler'] as const;

/** Folder of both: `TRIMAST_KUBERNETES_BIN`, else one on PATH. */
export function findStockComponents(): string | undefined {
  const folders = [process.env.TRIMAST_KUBERNETES_BIN ?? '', ...(process.env.PATH ?? '').split(delimiter)];
  return folders.find((folder) => folder !== '' && programs.every((name) => existsSync(join(folder, name))));
}

export interface StockComponents {
  /** Errors and panics that the two have logged. */
  errors(): string[];
  /** Both still run. */
  running(): boolean;
  stop(): Promise<void>;
}

export async function startStockComponents(folder: string, cluster: Cluster): Promise<StockComponents> {
  const pki = join(cluster.dir, 'pki');
  const lb = (await cluster.status()).members.find(({ kind }) => kind === 'lb')!;
  const network = JSON.parse(readFileSync(join(cluster.dir, 'cluster.json'), 'utf8')).network;
  const children: ChildProcess[] = [];
  const logs = programs.map((name) => join(cluster.dir, `${name}.log`));
  for (const [index, name] of programs.entries()) {
    const server = `https://${lb.address}:${lb.ports.api}`;
    await cluster.must('pki', 'issue-user', `system:${name}`, '--pki', pki, '--server', server);
    const kubeconfig = join(pki, `system-${name}.kubeconfig`);
    const flags = [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${await freePort()}`,
    ];
    if (name === 'kube-controller-manager') {
      const [ca, caKey] = [join(pki, 'ca.crt'), join(pki, 'ca.key')];
      flags.push(
        ...['--allocate-node-cidrs=true', `--cluster-cidr=${network.podCidr}`],
        ...[`--node-cidr-mask-size=${network.nodeCidrMaskSize}`, `--service-cluster-ip-range=${network.serviceCidr}`],
        ...[`--client-ca-file=${ca}`, `--cluster-signing-cert-file=${ca}`, `--cluster-signing-key-file=${caKey}`],
        ...['--controllers=*,bootstrapsigner,tokencleaner', `--root-ca-file=${ca}`],
        ...[`--service-account-private-key-file=${join(pki, 'service-account.key')}`],
        '--use-service-account-credentials=true',
      );
    }
    const log = openSync(logs[index]!, 'a');
    children.push(spawn(join(folder, name), flags, { stdio: ['ignore', log, log] }));
    closeSync(log);
  }
  return {
    errors: () =>
      logs.flatMap((log) =>
        readFileSync(log, 'utf8')
          .split('\n')
          .filter((line) => /^E\d|panic/.test(line)),
      ),
    running: () => children.every(({ exitCode }) => exitCode === null),
    async stop() {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null) return;
          const exited = new Promise((resolve) => child.once('exit', resolve));
          child.kill('SIGKILL');
          await exited;
        }),
      );
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
