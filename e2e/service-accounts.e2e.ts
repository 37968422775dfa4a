/** Pods speak to the API as their ServiceAccount, with what is mounted into them; tokens end with what they are bound to. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, waitFor } from './support/cluster.ts';

const cluster = new Cluster();
const folder = '/var/run/secrets/kubernetes.io/serviceaccount';

const pod = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'robot' },
  spec: {
    serviceAccountName: 'robot',
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: 'trimast.local/busybox', command: ['sleep', 'infinity'] }],
  },
});

beforeAll(async () => {
  await cluster.up('--masters', '3', '--workers', '1');
  await cluster.kubectl('create serviceaccount robot');
  await cluster.kubectl('apply -f -', pod);
  await cluster.kubectl('wait --for=condition=Ready pod/robot --timeout=60s');
});

afterAll(() => cluster.destroy());

async function ask(token: string, ca: string): Promise<{ code: number; message: string }> {
  const { members } = await cluster.status();
  const { address: host, ports } = members.find(({ kind }) => kind === 'lb')!;
  const path = '/api/v1/namespaces/default/configmaps';
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const outgoing = request({ host, port: ports.api, path, headers, ca, agent: false }, async (incoming) => {
      const chunks = await incoming.toArray();
      resolve({ code: incoming.statusCode ?? 0, message: JSON.parse(Buffer.concat(chunks).toString()).message });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

test('what a pod finds mounted lets it in as its account, on every master', async () => {
  const [token, ca, namespace] = await Promise.all(
    ['token', 'ca.crt', 'namespace'].map((file) => cluster.kubectl(`exec robot -- cat ${folder}/${file}`)),
  );
  expect(namespace).toBe('default');
  expect(ca).toBe(readFileSync(join(cluster.dir, 'pki/ca.crt'), 'utf8'));
  for (let attempt = 0; attempt < 6; attempt++) {
    expect(await ask(token!, ca!)).toMatchObject({
      code: 403,
      message: expect.stringContaining('User "system:serviceaccount:default:robot" cannot list resource "configmaps"'),
    });
  }
  await cluster.kubectl('delete pod robot');
  await waitFor('the token to end with its pod', async () => (await ask(token!, ca!)).code === 401);
});
