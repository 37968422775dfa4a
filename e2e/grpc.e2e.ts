/** gRPC for other services: the example as a user runs it, health and reflection. */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from './support/cluster.ts';

const cluster = new Cluster();

beforeAll(async () => {
  await cluster.up();
});

afterAll(async () => {
  await cluster.destroy();
});

test('the example client creates a Deployment and sees it become available', async () => {
  const master = (await cluster.status()).members.find((member) => member.kind === 'master')!;
  const pki = (name: string) => join(cluster.dir, 'pki', name);
  const { stdout } = await promisify(execFile)(process.execPath, [
    resolve(import.meta.dirname, '../examples/grpc-client/main.ts'),
    ...['--address', `${master.address}:${master.ports.grpc}`],
    ...['--ca', pki('ca.crt'), '--cert', pki('admin.crt'), '--key', pki('admin.key')],
  ]);
  expect(stdout).toContain('available');
});
