/** Admission across masters: webhooks of a process of their own, policies in CEL, and quotas that no crowd exceeds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConfigMap, ResourceQuota } from '../src/api/generated/types/core-v1.ts';
import { isReason } from '../src/api/status.ts';
import { resources } from '../src/api/types.ts';
import { HttpClient } from '../src/client/http-client.ts';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';
import { createCa, issueCertificate } from '../src/pki/certificate-authority.ts';
import { Cluster, waitFor } from './support/cluster.ts';

const cluster = new Cluster();
const script = resolve(import.meta.dirname, 'admission/webhook-server.ts');
let hook: ChildProcess;
let url: string;
let port: number;
let address: string;
let caBundle: string;
/** One for each master. */
let masters: HttpClient[];

beforeAll(async () => {
  await cluster.up('--masters', '3', '--workers', '0');
  const { members } = await cluster.status();
  const access = loadKubeconfig(cluster.kubeconfig);
  masters = members
    .filter(({ kind }) => kind === 'master')
    .map((master) => new HttpClient({ ...access, server: `https://${master.address}:${master.ports.api}` }));
  // The load balancer's address is the machine's own, as the cluster's hosts see it.
  address = members.find(({ kind }) => kind === 'lb')!.address;
  await startHook();
});

afterAll(async () => {
  hook?.kill();
  for (const client of masters ?? []) client.close();
  await cluster.destroy();
});

async function startHook(): Promise<void> {
  const folder = join(cluster.dir, 'webhook');
  mkdirSync(folder, { recursive: true });
  const ca = await createCa('webhook');
  const names = { ips: [address], dnsNames: ['hook.default.svc'] };
  const issued = await issueCertificate(ca, { commonName: 'hook', organizations: [], usages: ['server'], ...names });
  const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  writeFileSync(cert, issued.certificatePem);
  writeFileSync(key, issued.keyPem);
  caBundle = Buffer.from(ca.certificatePem).toString('base64');
  hook = spawn(process.execPath, [script, address, cert, key], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(hook.stdout!)) {
    port = Number(line);
    break;
  }
  url = `https://${address}:${port}`;
}

const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }];
const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'default' } };

function configuration(kind: string, clientConfig: object, rest: object = {}): string {
  const webhook = {
    name: 'hook.example.com',
    rules,
    namespaceSelector,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  return JSON.stringify({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: `e2e-${kind.toLowerCase()}` },
    webhooks: [{ ...webhook, clientConfig: { caBundle, ...clientConfig }, ...rest }],
  });
}

let made = 0;
const configMap = (data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `c-${made++}`, namespace: 'default' },
  data,
});

/** Whether creating it through each of the masters is refused. */
async function refusals(data: Record<string, string>): Promise<boolean[]> {
  const results = await Promise.allSettled(
    masters.map((client) => client.create(resources.configMaps, configMap(data))),
  );
  return results.map(({ status }) => status === 'rejected');
}

test('a validating webhook refuses on every master, under its name, and warns kubectl', async () => {
  await cluster.kubectl('apply -f -', configuration('Validating', { url }));
  await waitFor('every master to ask', async () => (await refusals({ refuse: 'not this' })).every(Boolean));
  const refused = masters[0]!.create(resources.configMaps, configMap({ refuse: 'not this' }));
  await expect(refused).rejects.toMatchObject({
    code: 403,
    message: 'admission webhook "hook.example.com" denied the request: not this',
  });
  const output = await cluster.tryKubectl(['create', 'configmap', 'warned', '--from-literal=warn=careful']);
  expect([output.code, output.stderr]).toEqual([0, 'Warning: careful\n']);
});

test('a mutating webhook behind a Service without a selector is reached by its endpoints', async () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'hook' }, spec: { ports: [{ port: 443 }] } };
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'hook-1', labels: { 'kubernetes.io/service-name': 'hook' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address] }],
    ports: [{ name: '', port }],
  };
  await cluster.kubectl('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [service, slice] }));
  const clientConfig = { service: { name: 'hook', namespace: 'default', path: '/mutate' } };
  await cluster.kubectl('apply -f -', configuration('Mutating', clientConfig));
  await waitFor('every master to ask', async () => {
    const written = await Promise.all(masters.map((client) => client.create(resources.configMaps, configMap())));
    return written.every(({ metadata }) => metadata?.labels?.touched === 'yes');
  });
  await cluster.kubectl('delete mutatingwebhookconfiguration e2e-mutating');
});

test('when the webhook is gone, its failure policy counts', async () => {
  hook.kill();
  const failing = masters[1]!.create(resources.configMaps, configMap());
  await expect(failing).rejects.toMatchObject({ reason: 'InternalError' });
  await expect(failing).rejects.toThrow(
    'failed calling webhook "hook.example.com": failed to call webhook: Post "https://',
  );
  await cluster.kubectl('apply -f -', configuration('Validating', { url }, { failurePolicy: 'Ignore' }));
  await waitFor('every master to let it pass', async () => !(await refusals({})).some(Boolean));
  await cluster.kubectl('delete validatingwebhookconfiguration e2e-validating');
});

test('a policy in CEL counts on every master as soon as it is bound', async () => {
  const meta = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name: 'small' } };
  const validations = [{ expression: 'object.data.size() < 3', message: 'too much' }];
  const policy = {
    ...meta,
    kind: 'ValidatingAdmissionPolicy',
    spec: { matchConstraints: { resourceRules: rules }, validations },
  };
  const spec = { policyName: 'small', validationActions: ['Deny'], matchResources: { namespaceSelector } };
  const binding = { ...meta, kind: 'ValidatingAdmissionPolicyBinding', spec };
  await cluster.kubectl('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [policy, binding] }));
  await waitFor('every master to refuse', async () => (await refusals({ a: '', b: '', c: '' })).every(Boolean));
  expect(await refusals({ a: '' })).toEqual([false, false, false]);
  await cluster.kubectl('delete validatingadmissionpolicybinding small');
});

test('a crowd through three masters fills a quota to the last place, and not further', async () => {
  await cluster.kubectl('create namespace crowded');
  await cluster.kubectl('create quota places --hard=configmaps=21 -n crowded');
  const key = { name: 'places', namespace: 'crowded' };
  const quotas = { group: '', version: 'v1', resource: 'resourcequotas' };
  const usedOf = async () => (await masters[0]!.get<ResourceQuota>(quotas, key)).status?.used?.configmaps;
  // The cluster's CA is in every namespace, and counts.
  await waitFor('what is used to be known', async () => (await usedOf()) === '1');
  const results = await Promise.allSettled(
    Array.from({ length: 60 }, (_, index) => {
      const object = { ...configMap(), metadata: { name: `c-${index}`, namespace: 'crowded' } };
      return masters[index % masters.length]!.create(resources.configMaps, object);
    }),
  );
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  expect(refused.filter((error) => !isReason(error, 'Forbidden'))).toEqual([]);
  expect(refused).toHaveLength(40);
  expect(await usedOf()).toBe('21');
  const { items } = await masters[2]!.list<ConfigMap>(resources.configMaps, { namespace: 'crowded' });
  const [first] = items.filter(({ metadata }) => metadata?.name?.startsWith('c-'));
  await masters[2]!.delete(resources.configMaps, { name: first!.metadata!.name!, namespace: 'crowded' });
  await waitFor('the place to be given back', async () => (await usedOf()) === '20');
});
