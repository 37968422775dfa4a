/** An aggregated API server behind a real listener: requests, identity, discovery, availability. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { APIService } from '../../api/generated/types/apiregistration-v1.ts';
import { createKindRegistry } from '../../api/registry.ts';
import { resources } from '../../api/types.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { frontProxyCertificate } from '../../pki/identities.ts';
import { PkiDirectory } from '../../pki/pki-directory.ts';
import { type HttpHarness, startHttpHarness } from '../testing/http-harness.ts';
import { Aggregator } from './aggregator.ts';
import { judge, startAvailability } from './availability.ts';
import { localApiServices } from './local-services.ts';
import { apiServices, RemoteServices } from './remote-services.ts';

const group = 'wardle.example.com';
const discovered = {
  kind: 'APIResourceList',
  groupVersion: `${group}/v1alpha1`,
  resources: [
    {
      name: 'flunders',
      singularName: 'flunder',
      namespaced: true,
      kind: 'Flunder',
      verbs: ['get', 'list'],
      shortNames: ['fl'],
    },
    { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
  ],
};
let upstream: Server;
let h: HttpHarness;
let aggregator: Aggregator;
let seen: IncomingMessage | undefined;
const ending = new AbortController();

beforeAll(async () => {
  let use: Aggregator | undefined;
  const late = new Proxy({} as Aggregator, {
    get: (_, name) => Reflect.get(use!, name, use).bind?.(use) ?? Reflect.get(use!, name),
  });
  h = await startHttpHarness({ aggregator: late });
  const front = new PkiDirectory(join(h.pki.path, 'front-proxy'));
  await front.initAuthority('front');
  await front.ensure('front-proxy', frontProxyCertificate);
  await h.pki.ensure('wardle', {
    commonName: 'w',
    organizations: [],
    dnsNames: ['api.default.svc'],
    usages: ['server'],
  });
  const { certFile, keyFile, caFile } = h.pki.files('wardle');
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile), ca: readFileSync(front.caFile) };
  upstream = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    seen = request;
    response.setHeader('content-type', 'application/json');
    if (request.url === `/apis/${group}/v1alpha1`) response.end(JSON.stringify(discovered));
    else if (request.url === '/openapi/v3') {
      response.end(JSON.stringify({ paths: { [`apis/${group}/v1alpha1`]: { serverRelativeURL: '/openapi/v3/x' } } }));
    } else
      response
        .writeHead(201)
        .end(JSON.stringify({ path: request.url, cn: (request.socket as TLSSocket).getPeerCertificate().subject.CN }));
  });
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  const connectService = async () => {
    const socket = connect((upstream.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  aggregator = new Aggregator({
    services: new RemoteServices(h.store),
    connectService,
    frontProxy: front.files('front-proxy'),
  });
  use = aggregator;
  await h.client.create(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'api', namespace: 'default' },
    spec: { ports: [{ port: 443 }] },
  } as never);
  await h.client.create(apiServices, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `v1alpha1.${group}` },
    spec: {
      group,
      version: 'v1alpha1',
      groupPriorityMinimum: 2000,
      versionPriority: 200,
      caBundle: readFileSync(caFile).toString('base64'),
      service: { name: 'api', namespace: 'default' },
    },
  } as APIService);
});

afterAll(async () => {
  ending.abort();
  upstream.close();
  await h.stop();
});

const path = `/apis/${group}/v1alpha1/namespaces/default/flunders`;

test('what is not known to be available is a 503; once it answers, requests reach it', async () => {
  expect((await h.call('GET', path)).body).toMatchObject({ code: 503, message: 'service unavailable' });
  startAvailability({ client: h.client, term: 1, signal: ending.signal }, aggregator, systemClock, silentLogger);
  let condition: object | undefined;
  for (let attempt = 0; attempt < 200 && !condition; attempt++) {
    condition = (await h.client.get<APIService>(apiServices, { name: `v1alpha1.${group}` })).status?.conditions?.[0];
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(condition).toMatchObject({
    type: 'Available',
    status: 'True',
    reason: 'Passed',
    message: 'all checks passed',
  });
  const answer = await h.call('POST', `${path}?dryRun=All`, { body: {} });
  expect([answer.status, answer.body]).toEqual([201, { path: `${path}?dryRun=All`, cn: 'trimast-front-proxy' }]);
});

test('it is told who asks, and nobody else may say so', async () => {
  const headers = {
    'x-remote-user': 'root',
    'impersonate-user': 'jane',
    'impersonate-group': 'a',
    'impersonate-extra-x%2fy': 'z',
  };
  await h.client.create({ group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterrolebindings' }, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'jane' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
  } as never);
  expect((await h.call('GET', path, { headers })).status).toBe(201);
  expect(seen?.headers).toMatchObject({
    'x-remote-user': 'jane',
    'x-remote-group': 'a, system:authenticated',
    'x-remote-extra-x%2fy': 'z',
  });
  expect(seen?.headers['impersonate-user']).toBeUndefined();
  expect((await h.call('GET', path, { as: 'eve' })).body).toMatchObject({
    code: 403,
    message: `flunders.${group} is forbidden: User "eve" cannot list resource "flunders" in API group "${group}" in the namespace "default"`,
  });
});

test('discovery and the OpenAPI index include it', async () => {
  const plain = await h.call('GET', '/apis');
  expect(plain.body.groups.at(-1)).toEqual({
    name: group,
    versions: [{ groupVersion: `${group}/v1alpha1`, version: 'v1alpha1' }],
    preferredVersion: { groupVersion: `${group}/v1alpha1`, version: 'v1alpha1' },
  });
  expect((await h.call('GET', `/apis/${group}`)).body.versions).toHaveLength(1);
  expect((await h.call('GET', `/apis/${group}/v1alpha1`)).body.resources).toHaveLength(2);
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const aggregated = await h.call('GET', '/apis', { headers: { accept } });
  const [item] = aggregated.text.match(/\{"metadata":\{"name":"wardle.+\}(?=\]\})/) ?? [];
  expect(JSON.parse(item!)).toMatchObject({
    versions: [
      {
        version: 'v1alpha1',
        freshness: 'Current',
        resources: [
          {
            resource: 'flunders',
            scope: 'Namespaced',
            responseKind: { group, version: 'v1alpha1', kind: 'Flunder' },
            subresources: [{ subresource: 'status' }],
          },
        ],
      },
    ],
  });
  const index = await h.call('GET', '/openapi/v3');
  expect(index.body.paths[`apis/${group}/v1alpha1`]).toEqual({ serverRelativeURL: '/openapi/v3/x' });
});

test('judge says what is wrong with a service', async () => {
  const remote = aggregator.services.find(group, 'v1alpha1')!;
  const of = (change: object) => judge(h.client, aggregator, { ...remote, ...change });
  expect(await of({ name: 'gone' })).toMatchObject({
    reason: 'ServiceNotFound',
    message: 'service/gone in "default" is not present',
  });
  expect(await of({ port: 1 })).toMatchObject({ reason: 'ServicePortError' });
  expect(
    await of({ object: { ...remote.object, spec: { ...remote.object.spec, caBundle: undefined } } }),
  ).toMatchObject({
    status: 'False',
    reason: 'FailedDiscoveryCheck',
  });
});

test('localApiServices has the priorities of kube-apiserver, and those of custom resources', () => {
  const made = localApiServices([...createKindRegistry().definitions, { group: 'a.example', version: 'v1' }]);
  const found = Object.fromEntries(made.map(({ metadata, spec }) => [metadata?.name, spec?.groupPriorityMinimum]));
  expect(found).toMatchObject({ 'v1.': 18_000, 'v2.autoscaling': 17_500, 'v1.a.example': 1_000 });
  expect(Object.keys(found)).not.toContain('v1.apiregistration.k8s.io');
});
