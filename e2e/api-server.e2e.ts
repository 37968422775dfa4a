/** What a cluster's API offers besides objects: proxies, certificates, tokens in Secrets, metrics, audit, fairness, the aggregation layer. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, waitFor } from './support/cluster.ts';

const cluster = new Cluster();
const folder = mkdtempSync(join(tmpdir(), 'trimast-e2e-api-'));
const page = '<a href="/next">next</a>';

beforeAll(async () => {
  writeFileSync(
    join(folder, 'policy.yaml'),
    `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, resources: [{group: "", resources: [secrets]}]}
- {level: RequestResponse, resources: [{group: certificates.k8s.io}], verbs: [create]}
`,
  );
  const config = join(folder, 'api.json');
  writeFileSync(config, JSON.stringify({ audit: { policyFile: 'policy.yaml', log: { path: 'audit.log' } } }));
  await cluster.up('--masters', '1', '--workers', '1', '--apiserver-config', config);
  const script = `mkdir /www; printf '${page}' > /www/index.html; busybox httpd -f -p 8080 -h /www`;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'c',
          image: 'trimast.local/busybox',
          command: ['sh', '-c', script],
          ports: [{ name: 'http', containerPort: 8080 }],
        },
      ],
    },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'page', port: 80, targetPort: 'http' }] },
  };
  await cluster.kubectl('apply -f -', `${JSON.stringify(pod)}\n${JSON.stringify(service)}`);
  await cluster.kubectl('wait --for=condition=Ready pod/web --timeout=120s');
});
afterAll(async () => {
  await cluster.destroy();
  rmSync(folder, { recursive: true, force: true });
});

test('pods, services and nodes are reached through any master', async () => {
  const root = '/api/v1/namespaces/default';
  const raw = (path: string) => cluster.kubectl(`get --raw ${path}`);
  const linked = (prefix: string) => `<a href="${prefix}/next">next</a>`;
  await waitFor(
    'the service',
    async () => (await cluster.tryKubectl(['get', '--raw', `${root}/services/web:page/proxy/`])).code === 0,
  );
  for (const of of ['pods/web', 'pods/web:8080', 'services/web:page', 'services/web:80']) {
    expect(await raw(`${root}/${of}/proxy/index.html`)).toBe(linked(`${root}/${of}/proxy`));
  }
  expect(await raw('/api/v1/nodes/worker-1/proxy/healthz')).toBe('ok');
  const missing = await cluster.tryKubectl(['get', '--raw', `${root}/services/web:none/proxy/`]);
  expect(missing.stderr).toContain('no endpoints available for service "web"');
});

test('a certificate request is approved, signed, and the certificate lets its user in', async () => {
  const [key, csr] = [join(folder, 'jane.key'), join(folder, 'jane.csr')];
  execFileSync(
    'openssl',
    ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', csr, '-subj', '/O=dev/CN=jane'],
    {
      stdio: 'pipe',
    },
  );
  const object = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'jane' },
    spec: {
      request: readFileSync(csr).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      expirationSeconds: 3600,
      usages: ['client auth'],
    },
  };
  await cluster.kubectl('create -f -', JSON.stringify(object));
  await cluster.kubectl('certificate approve jane');
  const certificate = await waitFor('a certificate', () =>
    cluster.kubectl('get csr jane -o jsonpath={.status.certificate}'),
  );
  const answer = await ask('/api/v1/pods', { cert: Buffer.from(certificate, 'base64'), key: readFileSync(key) });
  expect([answer.code, answer.text]).toEqual([403, expect.stringContaining('User \\"jane\\" cannot list resource')]);
});

test('a Secret of type service-account-token is filled, and its token speaks for the account', async () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/service-account-token',
    metadata: { name: 'token', annotations: { 'kubernetes.io/service-account.name': 'default' } },
  };
  await cluster.kubectl('create -f -', JSON.stringify(secret));
  const token = await waitFor('a token', () => cluster.kubectl('get secret token -o jsonpath={.data.token}'));
  const headers = { authorization: `Bearer ${Buffer.from(token, 'base64')}` };
  const answer = await ask('/api/v1/pods', { headers });
  expect(answer.text).toContain('system:serviceaccount:default:default');
  expect(answer.headers['x-kubernetes-pf-flowschema-uid']).toBe(
    await cluster.kubectl('get flowschema service-accounts -o jsonpath={.metadata.uid}'),
  );
});

test('metrics, health checks and what the API registers of itself', async () => {
  const metrics = await cluster.kubectl('get --raw /metrics');
  for (const name of [
    'apiserver_request_total',
    'apiserver_longrunning_requests',
    'workqueue_depth',
    'trimast_raft_term',
  ]) {
    expect(metrics).toMatch(new RegExp(`^${name}(\\{.*\\})? \\d`, 'm'));
  }
  expect(await cluster.kubectl('get --raw /readyz?verbose')).toContain('[+]poststarthook/rbac/bootstrap-roles ok');
  const services = await waitFor('APIServices', async () => {
    const names = await cluster.kubectl('get apiservices -o name');
    return names.includes('/v1.apps') && names;
  });
  expect(services).toContain('apiservice.apiregistration.k8s.io/v1.\n');
});

test('the audit log has what the policy asks for, and no secrets', async () => {
  await cluster.kubectl('create secret generic hidden --from-literal=password=hunter2');
  const events = await waitFor('audit events', async () => {
    const lines = readFileSync(join(folder, 'audit.log'), 'utf8').trim().split('\n');
    const parsed = lines.map((line) => JSON.parse(line));
    return parsed.some(({ objectRef }) => objectRef?.name === 'hidden') && parsed;
  });
  const created = events.find(
    ({ objectRef, verb }) => objectRef?.resource === 'certificatesigningrequests' && verb === 'create',
  );
  expect(created).toMatchObject({
    level: 'RequestResponse',
    stage: 'ResponseComplete',
    requestObject: { metadata: { name: 'jane' } },
  });
  expect(JSON.stringify(events)).not.toContain(Buffer.from('hunter2').toString('base64'));
});

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers: Record<string, string | string[] | undefined>;
}

async function ask(
  path: string,
  options: { cert?: Buffer; key?: Buffer; headers?: Record<string, string> },
): Promise<Answer> {
  const { address: host, ports } = (await cluster.status()).members.find(({ kind }) => kind === 'lb')!;
  const ca = readFileSync(join(cluster.dir, 'pki', 'ca.crt'));
  return new Promise((resolve, reject) => {
    request({ host, port: ports.api, path, ca, agent: false, ...options }, async (incoming) => {
      const text = Buffer.concat(await incoming.toArray()).toString();
      resolve({ code: incoming.statusCode ?? 0, text, headers: incoming.headers });
    })
      .on('error', reject)
      .end();
  });
}
