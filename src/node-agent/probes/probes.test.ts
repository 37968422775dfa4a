import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Container } from '../../api/generated/types/core-v1.ts';
import { Health, HealthCheckResponse_ServingStatus } from '../../gen/grpc/health/v1/health_pb.ts';
import { ManualClock } from '../../lib/clock.ts';
import { addService } from '../../lib/grpc.ts';
import { RuntimeError } from '../runtime/runtime.ts';
import { FakeRuntime } from '../testing/fake-runtime.ts';
import { testContainer } from '../testing/pods.ts';
import { runHandler } from './handlers.ts';
import { ProbeManager } from './probe-manager.ts';

describe('runHandler', () => {
  let server: Server;
  let port: number;
  beforeEach(async () => {
    server = createServer((request, response) => {
      response.statusCode = request.url === '/ok' && request.headers['x-test'] === 'yes' ? 204 : 500;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    server.close();
  });

  const run = (handler: Parameters<typeof runHandler>[0], runtime = new FakeRuntime(() => 0)) => {
    const container = testContainer('app', { ports: [{ name: 'http', containerPort: port }] });
    return runHandler(handler, { runtime, containerId: 'c', container, podIp: '127.0.0.1' }, 1_000);
  };

  it('asks over HTTP, by the name of a port, with headers', async () => {
    const httpHeaders = [{ name: 'X-Test', value: 'yes' }];
    expect(await run({ httpGet: { port: 'http', path: '/ok', httpHeaders } })).toMatchObject({ ok: true });
    expect(await run({ httpGet: { port, path: '/ok' } })).toEqual({
      ok: false,
      message: 'HTTP probe failed with statuscode: 500',
    });
  });

  it('opens TCP connections', async () => {
    expect((await run({ tcpSocket: { port } })).ok).toBe(true);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect((await run({ tcpSocket: { port } })).message).toContain('ECONNREFUSED');
  });

  it('judges a command by its exit code', async () => {
    const runtime = new FakeRuntime(() => 0);
    expect((await run({ exec: { command: ['true'] } }, runtime)).ok).toBe(true);
    runtime.execExitCode = 1;
    expect((await run({ exec: { command: ['true'] } }, runtime)).ok).toBe(false);
  });

  it('asks a gRPC health service', async () => {
    const health = new grpc.Server();
    let status: HealthCheckResponse_ServingStatus = HealthCheckResponse_ServingStatus.SERVING;
    addService(health, Health, { check: (_call, callback) => callback(null, { status }) });
    const address = '127.0.0.1:0';
    const healthPort = await new Promise<number>((resolve, reject) =>
      health.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    expect((await run({ grpc: { port: healthPort } })).ok).toBe(true);
    status = HealthCheckResponse_ServingStatus.NOT_SERVING;
    expect((await run({ grpc: { port: healthPort } })).message).toContain('NOT_SERVING');
    health.forceShutdown();
    expect((await run({ grpc: { port: healthPort } })).ok).toBe(false);
  });

  it('says which port is unknown', async () => {
    expect(await run({ tcpSocket: { port: 'nope' } })).toEqual({ ok: false, message: 'container has no port "nope"' });
  });
});

describe('ProbeManager', () => {
  const exec = { exec: { command: ['check'] }, periodSeconds: 1 };
  let clock: ManualClock;
  let runtime: FakeRuntime;
  let changes: string[];
  let failures: string[];
  let probes: ProbeManager;
  beforeEach(() => {
    clock = new ManualClock();
    runtime = new FakeRuntime(() => clock.nowMs());
    changes = [];
    failures = [];
    probes = new ProbeManager({
      runtime,
      clock,
      onChange: (podUid) => changes.push(podUid),
      onFailure: (_target, kind) => failures.push(kind),
    });
  });

  function watch(container: Partial<Container>, before?: { started: boolean; ready: boolean }) {
    const target = {
      podUid: 'u',
      containerId: 'c',
      container: testContainer('app', container),
      startedAtMs: 0,
      podIp: '',
    };
    probes.sync('u', [{ ...target, ...(before && { before }) }]);
  }

  /** Lets probes that are due run and their answers come in. */
  async function pass(durationMs: number) {
    clock.advance(durationMs);
    await new Promise((resolve) => setImmediate(resolve));
  }

  it('is ready without probes', () => {
    watch({});
    expect(probes.verdict('c')).toEqual({ started: true, ready: true });
  });

  it('is ready once the readiness probe has succeeded, and unready after the threshold', async () => {
    watch({ readinessProbe: { ...exec, failureThreshold: 2 } });
    expect(probes.verdict('c').ready).toBe(false);
    await pass(0);
    expect(probes.verdict('c').ready).toBe(true);
    runtime.execExitCode = 1;
    await pass(1_000);
    expect(probes.verdict('c').ready).toBe(true);
    await pass(1_000);
    expect(probes.verdict('c')).toEqual({ started: true, ready: false });
    expect(changes).toEqual(['u', 'u']);
    expect(failures).toEqual(['readiness', 'readiness']);
  });

  it('holds nothing against a container while the runtime does not answer', async () => {
    watch({ livenessProbe: { ...exec, failureThreshold: 2 }, readinessProbe: exec }, { started: true, ready: true });
    runtime.broken.set('exec', new RuntimeError('unavailable', 'down'));
    for (let i = 0; i < 20; i++) await pass(1_000);
    expect(probes.verdict('c')).toEqual({ started: true, ready: true });
    expect(failures).toContain('liveness');
    runtime.broken.set('exec', new RuntimeError('timeout', 'too slow'));
    for (let i = 0; i < 3; i++) await pass(1_000);
    expect(probes.verdict('c').unhealthy).toBeDefined();
  });

  it('asks for a restart when liveness fails often enough', async () => {
    const livenessProbe = { ...exec, failureThreshold: 2, initialDelaySeconds: 5, terminationGracePeriodSeconds: 7 };
    watch({ livenessProbe });
    runtime.execExitCode = 1;
    await pass(4_000);
    expect(runtime.calls).toEqual([]);
    await pass(1_000);
    await pass(1_000);
    expect(probes.verdict('c').unhealthy).toBe('Container app failed liveness probe, will be restarted');
    expect(probes.verdict('c').graceS).toBe(7);
  });

  it('holds the other probes back until startup has succeeded', async () => {
    watch({ startupProbe: exec, readinessProbe: { exec: { command: ['ready'] } } });
    runtime.execExitCode = 1;
    await pass(0);
    expect(runtime.calls).toEqual(['exec check']);
    expect(probes.verdict('c')).toEqual({ started: false, ready: false });
    runtime.execExitCode = 0;
    await pass(1_000);
    await pass(0);
    expect(runtime.calls).toEqual(['exec check', 'exec check', 'exec ready']);
    expect(probes.verdict('c')).toEqual({ started: true, ready: true });
  });

  it('goes on from what was reported before a restart of the agent', async () => {
    watch({ startupProbe: exec, readinessProbe: exec }, { started: true, ready: true });
    expect(probes.verdict('c')).toEqual({ started: true, ready: true });
  });

  it('forgets containers that no longer run', async () => {
    watch({ readinessProbe: exec });
    probes.sync('u', []);
    await pass(10_000);
    expect(runtime.calls).toEqual([]);
  });
});
