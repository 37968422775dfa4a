/** Audit events of requests over a real listener; the log file; the webhook. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { type HttpHarness, startHttpHarness } from '../testing/http-harness.ts';
import { Auditor } from './index.ts';
import { AuditLogFile } from './log-file.ts';
import { parsePolicy } from './policy.ts';
import { AuditWebhook } from './webhook.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into events freely
type Event = any;

const folder = mkdtempSync(join(tmpdir(), 'tt-audit-'));
const policy = parsePolicy(`
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: None, nonResourceURLs: ["/livez"]}
- {level: Metadata, resources: [{group: "", resources: [secrets]}]}
- {level: RequestResponse, omitManagedFields: true}
`);
let events: Event[] = [];
let h: HttpHarness;
beforeAll(async () => {
  const sink = { write: (event: Event) => events.push(event), close: () => Promise.resolve() };
  h = await startHttpHarness({ auditor: new Auditor(policy, [sink as never], systemClock) });
});
afterAll(async () => {
  await h.stop();
  rmSync(folder, { recursive: true });
});

async function eventsOf(run: () => Promise<unknown>, count: number): Promise<Event[]> {
  events = [];
  await run();
  for (let attempt = 0; attempt < 500 && events.length < count; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return events;
}

test('a request has its stages, objects and outcome under one id', async () => {
  const body = { metadata: { name: 'a' }, data: { x: 'y' } };
  const headers = { 'audit-id': 'my-id', 'user-agent': 'me/1' };
  const path = '/api/v1/namespaces/default/configmaps';
  const [received, complete] = await eventsOf(() => h.call('POST', path, { body, headers }), 2);
  expect(received).toMatchObject({ stage: 'RequestReceived', auditID: 'my-id' });
  expect(complete).toMatchObject({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: 'my-id',
    stage: 'ResponseComplete',
    requestURI: path,
    verb: 'create',
    user: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
    sourceIPs: ['127.0.0.1'],
    userAgent: 'me/1',
    objectRef: { resource: 'configmaps', namespace: 'default', name: 'a', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 201 },
    requestObject: body,
    responseObject: { kind: 'ConfigMap', metadata: { name: 'a' } },
    annotations: { 'authorization.k8s.io/decision': 'allow' },
  });
  expect(complete.responseObject.metadata.managedFields).toBeUndefined();
  expect(complete.stageTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test('a level below shows no objects, and no secret', async () => {
  const body = { metadata: { name: 's' }, stringData: { password: 'hunter2' } };
  const found = await eventsOf(() => h.call('POST', '/api/v1/namespaces/default/secrets', { body }), 2);
  expect(found).toHaveLength(2);
  expect(JSON.stringify(found)).not.toContain('hunter2');
  expect(found[1]).toMatchObject({ level: 'Metadata', objectRef: { resource: 'secrets', name: 's' } });
});

test('who was refused, who acts as another, who is unknown', async () => {
  const [, refused] = await eventsOf(() => h.call('GET', '/api/v1/pods', { as: 'eve' }), 2);
  expect(refused.responseStatus).toMatchObject({ status: 'Failure', reason: 'Forbidden', code: 403 });
  expect(refused.annotations).toEqual({ 'authorization.k8s.io/decision': 'forbid' });
  const headers = { 'impersonate-user': 'jane' };
  const [, acting] = await eventsOf(() => h.call('GET', '/api/v1/pods', { headers }), 2);
  expect([acting.user.username, acting.impersonatedUser.username]).toEqual(['kubernetes-admin', 'jane']);
  const bad = { authorization: 'Bearer wrong' };
  const [, unknown] = await eventsOf(() => h.call('GET', '/api/v1/pods', { as: 'none', headers: bad }), 2);
  expect([unknown.user, unknown.responseStatus.code]).toEqual([{ username: '' }, 401]);
});

test('a watch tells when it starts; health checks are left out', async () => {
  const found = await eventsOf(() => h.call('GET', '/api/v1/configmaps?watch=1&timeoutSeconds=1&watch=true'), 3);
  expect(found.map(({ stage }) => stage)).toEqual(['RequestReceived', 'ResponseStarted', 'ResponseComplete']);
  expect(await eventsOf(() => h.call('GET', '/livez'), 1)).toEqual([]);
});

test('the log file is turned over, and only so many are kept', async () => {
  const path = join(folder, 'log', 'audit.log');
  const log = new AuditLogFile({ path, maxSizeMb: 0.01, maxBackups: 2 }, silentLogger);
  for (let n = 0; n < 100; n++) {
    log.write({ n, text: 'x'.repeat(1_000) });
    if (n % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await log.close();
  const files = readdirSync(join(folder, 'log')).sort();
  expect(files).toHaveLength(3);
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  expect(JSON.parse(lines.at(-1)!).n).toBe(99);
  expect(lines.length).toBeLessThanOrEqual(10);
});

test('the webhook gets batches, and again what it refused', async () => {
  const { certFile, keyFile, caFile } = h.pki.files('master');
  const got: Event[] = [];
  let failures = 1;
  const server = createServer(
    { cert: readFileSync(certFile), key: readFileSync(keyFile) },
    async (request, response) => {
      const body = await json(request);
      if (failures-- > 0) return void response.writeHead(500).end();
      got.push(body);
      response.end();
    },
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/audit`;
  const webhook = new AuditWebhook({ url, caFile, maxBatchSize: 3, maxWaitMs: 20 }, systemClock, silentLogger);
  for (let n = 0; n < 4; n++) webhook.write({ n });
  for (let attempt = 0; attempt < 1_000 && got.length < 2; attempt++)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(got.map(({ kind, items }) => [kind, items.map(({ n }: Event) => n)])).toEqual([
    ['EventList', [0, 1, 2]],
    ['EventList', [3]],
  ]);
  await webhook.close();
  server.close();
});
