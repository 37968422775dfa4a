import { status as Code, Server } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { FakeApiClient } from '../../client/testing/fake-api-client.ts';
import { Assignment_Action as Action } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { NetworkService } from '../../gen/trimast/network/v1/network_pb.ts';
import { clientCredentials, GrpcClient, serverCredentials, type TlsFiles } from '../../lib/grpc.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createDispatcher } from '../index.ts';
import { createTestPki, type TestPki } from '../testing/test-pki.ts';

let pki: TestPki;
let masterTls: TlsFiles;
let nodeTls: TlsFiles;
let api: FakeApiClient;
const cleanups: (() => void)[] = [];

beforeAll(async () => {
  pki = await createTestPki();
  masterTls = await pki.issue('trimast:master:m1', ['trimast:masters', 'system:masters']);
  nodeTls = await pki.issue('system:node:n1', ['system:nodes']);
});
afterAll(() => pki.remove());
beforeEach(() => {
  api = new FakeApiClient();
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function master(): Promise<string> {
  const dispatcher = createDispatcher({
    issueToken: () => Promise.reject(new Error('no tokens here')),
    masterName: 'm1',
    systemClient: api,
    clientFor: () => api,
    logger: silentLogger,
  });
  const server = new Server();
  dispatcher.addTo(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', serverCredentials(masterTls), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  cleanups.push(() => {
    dispatcher.close();
    server.forceShutdown();
  });
  return `127.0.0.1:${port}`;
}

function listen(address: string, resumeRevision = 0, tls = nodeTls) {
  const client = new GrpcClient(NetworkService, address, clientCredentials(tls));
  const stream = client.serverStream(NetworkService.method.watchNetwork, { resumeRevision: BigInt(resumeRevision) });
  cleanups.push(() => {
    stream.cancel();
    client.close();
  });
  const seen = {
    changes: [] as string[],
    full: [] as boolean[],
    revision: 0,
    error: undefined as { code: Code } | undefined,
  };
  let wake = () => {};
  stream.on('data', ({ full, changes, revision }) => {
    seen.full.push(full);
    for (const { action, resource, name } of changes)
      seen.changes.push(`${action === Action.SET ? '+' : '-'}${resource}/${name}`);
    seen.revision = Math.max(seen.revision, Number(revision));
    wake();
  });
  stream.on('error', (error) => {
    seen.error = error as unknown as { code: Code };
    wake();
  });
  const until = async (check: () => boolean) => {
    while (!check())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { seen, until };
}

const service = (name: string) => ({ metadata: { name, namespace: 'default' }, spec: { clusterIP: 'None' } });
const pod = (name: string, podIP?: string): Pod => ({
  metadata: { name, namespace: 'default', labels: { app: name } },
  spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'n1' },
  status: { phase: 'Running', ...(podIP && { podIP, podIPs: [{ ip: podIP }] }) },
});

describe('the network stream', () => {
  it('is refused to anybody but a node', async () => {
    const address = await master();
    const { seen, until } = listen(address, 0, await pki.issue('somebody', ['system:masters']));
    await until(() => seen.error !== undefined);
    expect(seen.error).toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  it('tells everything, and then what changes: pods while they have an address', async () => {
    api.seed(resources.services, service('a'));
    api.seed(resources.pods, pod('p', '10.0.0.1'));
    api.seed(resources.pods, pod('waiting'));
    const { seen, until } = listen(await master());
    await until(() => seen.revision > 0);
    expect(seen).toMatchObject({ full: [true], changes: ['+services/a', '+pods/p'] });
    const waiting = api.find<Pod>(resources.pods, { namespace: 'default', name: 'waiting' })!;
    await api.update(resources.pods, { ...waiting, status: pod('waiting', '10.0.0.2').status! }, 'status');
    await until(() => seen.changes.includes('+pods/waiting'));
    const p = api.find<Pod>(resources.pods, { namespace: 'default', name: 'p' })!;
    await api.update(resources.pods, { ...p, status: { ...p.status, phase: 'Succeeded' } }, 'status');
    await until(() => seen.changes.includes('-pods/p'));
  });

  it('says nothing of a change that no node would notice', async () => {
    api.seed(resources.pods, pod('p', '10.0.0.1'));
    const { seen, until } = listen(await master());
    await until(() => seen.revision > 0);
    const p = api.find<Pod>(resources.pods, { namespace: 'default', name: 'p' })!;
    const conditions = [{ type: 'Ready', status: 'True' }];
    await api.update(resources.pods, { ...p, status: { ...p.status, conditions } }, 'status');
    await api.create(resources.services, service('after'));
    await until(() => seen.changes.includes('+services/after'));
    expect(seen.changes).toEqual(['+pods/p', '+services/after']);
  });

  it('resumes with what changed meanwhile', async () => {
    api.seed(resources.services, service('a'));
    const address = await master();
    const first = listen(address);
    await first.until(() => first.seen.revision > 0);
    await api.create(resources.services, service('b'));
    await first.until(() => first.seen.changes.includes('+services/b'));
    const second = listen(address, first.seen.revision);
    await second.until(() => second.seen.full.length > 0);
    expect(second.seen).toMatchObject({ full: [false] });
    await second.until(() => second.seen.changes.includes('+services/b'));
    expect(second.seen.changes).toEqual(['+services/b']);
  });
});
