import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { ConfigMap, Pod } from '../api/generated/types/core-v1.ts';
import { resources } from '../api/types.ts';
import { createCa, issueCertificate } from '../pki/certificate-authority.ts';
import { discover, findResource } from './discovery.ts';
import { HttpClient } from './http-client.ts';
import { parseKubeconfig } from './kubeconfig.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let client: HttpClient;
let kubeconfig: (changes?: object) => string;
let answer: Answer;
const seen: { method: string; url: string; type: string | undefined; body: unknown; user: string }[] = [];

const json =
  (code: number, body: unknown): Answer =>
  (_, response) =>
    void response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));

beforeAll(async () => {
  const ca = await createCa('test');
  const serving = await issueCertificate(ca, {
    commonName: 'server',
    organizations: [],
    ips: ['127.0.0.1'],
    usages: ['server'],
  });
  const admin = await issueCertificate(ca, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
  });
  server = createServer(
    { cert: serving.certificatePem, key: serving.keyPem, ca: ca.certificatePem, requestCert: true },
    async (request, response) => {
      const body = Buffer.concat(await Array.fromAsync(request)).toString();
      seen.push({
        method: request.method!,
        url: request.url!,
        type: request.headers['content-type'],
        body: body && JSON.parse(body),
        user: (request.socket as TLSSocket).getPeerCertificate().subject?.CN as string,
      });
      answer(request, response, body);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  kubeconfig = (changes = {}) =>
    stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'team' } }],
      clusters: [
        {
          name: 'k',
          cluster: {
            server: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
            'certificate-authority-data': base64(ca.certificatePem),
            ...changes,
          },
        },
      ],
      users: [
        {
          name: 'u',
          user: { 'client-certificate-data': base64(admin.certificatePem), 'client-key-data': base64(admin.keyPem) },
        },
      ],
    });
  client = new HttpClient(parseKubeconfig(kubeconfig()));
});
afterAll(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen.length = 0;
});

describe('HttpClient', () => {
  it('asks by the path of the resource, with its client certificate', async () => {
    answer = json(200, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } });
    expect(await client.get<Pod>(resources.pods, { namespace: 'n', name: 'p' })).toMatchObject({ kind: 'Pod' });
    await client.patch(
      resources.deployments,
      { namespace: 'n', name: 'd' },
      'merge',
      { spec: { replicas: 2 } },
      'scale',
    );
    const force = { fieldManager: 'a b', force: true };
    await client.patch(resources.nodes, { name: 'x' }, 'apply', { kind: 'Node' }, undefined, force);
    await client.bind({ namespace: 'n', name: 'p', uid: 'u' }, 'node-1');
    await client.delete(resources.nodes, { name: 'x' }, { gracePeriodSeconds: 0, propagationPolicy: 'Foreground' });
    expect(seen).toMatchObject([
      { method: 'GET', url: '/api/v1/namespaces/n/pods/p', user: 'admin' },
      { method: 'PATCH', url: '/apis/apps/v1/namespaces/n/deployments/d/scale', type: 'application/merge-patch+json' },
      {
        method: 'PATCH',
        url: '/api/v1/nodes/x?fieldManager=a+b&force=true',
        type: 'application/apply-patch+yaml',
      },
      { method: 'POST', url: '/api/v1/namespaces/n/pods/p/binding', body: { target: { name: 'node-1' } } },
      { method: 'DELETE', url: '/api/v1/nodes/x', body: { gracePeriodSeconds: 0, propagationPolicy: 'Foreground' } },
    ]);
  });

  it('gives list items their type and passes selectors and the continue token', async () => {
    const metadata = { resourceVersion: '7', continue: 'next' };
    answer = json(200, { apiVersion: 'v1', kind: 'ConfigMapList', metadata, items: [{ metadata: { name: 'a' } }] });
    const list = await client.list<ConfigMap>(resources.configMaps, {
      namespace: 'n',
      labelSelector: 'a in (b,c)',
      limit: 1,
    });
    expect(list).toEqual({
      items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }],
      resourceVersion: '7',
      continue: 'next',
    });
    expect(new URL(seen[0]!.url, 'https://x').searchParams.get('labelSelector')).toBe('a in (b,c)');
  });

  it('throws what the Status says', async () => {
    answer = json(409, { kind: 'Status', reason: 'AlreadyExists', message: 'pods "p" already exists', code: 409 });
    const pod: Pod = { metadata: { name: 'p', namespace: 'n' } };
    await expect(client.create(resources.pods, pod)).rejects.toMatchObject({
      reason: 'AlreadyExists',
      message: 'pods "p" already exists',
    });
    answer = (_, response) => void response.writeHead(503).end('upstream is gone');
    await expect(client.raw('/version')).rejects.toMatchObject({ reason: 'ServiceUnavailable', code: 503 });
  });

  it('hands on watch events as they come, also when a line arrives in pieces, and ends on abort', async () => {
    const stop = new AbortController();
    const event = (name: string) => JSON.stringify({ type: 'ADDED', object: { metadata: { name } } });
    answer = (_, response) => {
      response.writeHead(200);
      response.write(`${event('a')}\n${event('ü').slice(0, 40)}`);
      setImmediate(() => response.write(`${event('ü').slice(40)}\n`));
    };
    const names: (string | undefined)[] = [];
    const options = { namespace: 'n', resourceVersion: '5', signal: stop.signal };
    for await (const { object } of client.watch<ConfigMap>(resources.configMaps, options)) {
      names.push((object as ConfigMap).metadata?.name);
      if (names.length === 2) stop.abort();
    }
    expect(names).toEqual(['a', 'ü']);
    expect(seen[0]!.url).toContain('watch=true');
  });

  it('tells a watch that broke from one that ended', async () => {
    answer = (_, response) => {
      response.writeHead(200);
      response.write('{"type":"BOOKMARK","object":{}}\n', () => response.socket?.destroy());
    };
    const read = async () => {
      for await (const _ of client.watch(resources.pods, {}));
    };
    await expect(read()).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
    answer = (_, response) => void response.writeHead(200).end();
    await expect(read()).resolves.toBeUndefined();
  });

  it('refuses a server whose certificate another authority signed', async () => {
    const other = await createCa('other');
    const ca = Buffer.from(other.certificatePem).toString('base64');
    const stranger = new HttpClient(parseKubeconfig(kubeconfig({ 'certificate-authority-data': ca })));
    await expect(stranger.raw('/version')).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
    stranger.close();
    expect(seen).toEqual([]);
  });
});

describe('parseKubeconfig', () => {
  it('names what is missing', () => {
    expect(() => parseKubeconfig('{}')).toThrow('current-context');
    expect(() => parseKubeconfig(kubeconfig(), '.', 'nope')).toThrow('no context "nope"');
    expect(parseKubeconfig(kubeconfig()).namespace).toBe('team');
  });
});

describe('findResource', () => {
  it('finds by plural, singular, short name, kind and with a group', async () => {
    const resource = (name: string, kind: string, shortNames: string[]) => ({
      resource: name,
      singularResource: kind.toLowerCase(),
      responseKind: { kind },
      shortNames,
      scope: 'Namespaced',
    });
    const group = (name: string, entry: object) => ({
      metadata: { name },
      versions: [{ version: 'v1', resources: [entry] }],
    });
    answer = (request, response, body) =>
      request.url === '/api'
        ? json(200, { items: [group('', resource('events', 'Event', ['ev']))] })(request, response, body)
        : json(200, {
            items: [
              group('apps', resource('deployments', 'Deployment', ['deploy'])),
              group('events.k8s.io', resource('events', 'Event', ['ev'])),
            ],
          })(request, response, body);
    const all = await discover((path, accept) => client.raw(path, accept));
    for (const typed of ['deployments', 'Deployment', 'deploy', 'deployments.apps', 'deployment.v1.apps'])
      expect(findResource(all, typed), typed).toMatchObject({ group: 'apps', version: 'v1', resource: 'deployments' });
    expect(findResource(all, 'ev')?.group).toBe('');
    expect(findResource(all, 'events.events.k8s.io')?.group).toBe('events.k8s.io');
    expect(findResource(all, 'nothing')).toBeUndefined();
  });
});
