/** Pods and observations for tests. */
import type { Container } from '../../api/generated/types/core-v1.ts';
import { annotationKeys, type ObservedPod, type WantedPod } from '../pod/types.ts';
import type { RuntimeContainer, Sandbox } from '../runtime/runtime.ts';

export function testPod(
  spec: Partial<WantedPod['spec']> = {},
  metadata: Partial<WantedPod['metadata']> = {},
): WantedPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'uid-1', ...metadata },
    spec: { containers: [testContainer('app')], ...spec },
  };
}

export function testContainer(name: string, more: Partial<Container> = {}): Container {
  return { name, image: 'app:1', ...more };
}

export function testSandbox(more: Partial<Sandbox> = {}): Sandbox {
  const pod = { namespace: 'default', name: 'web', uid: 'uid-1' };
  return { id: 'sandbox-0', pod, attempt: 0, ready: true, createdAtMs: 0, ...more };
}

/** Running since 0, unless told otherwise. */
export function runtimeContainer(
  name: string,
  more: Partial<RuntimeContainer> & { streak?: number } = {},
): RuntimeContainer {
  const { streak = 0, ...rest } = more;
  const attempt = rest.attempt ?? 0;
  return {
    id: `${name}-${attempt}`,
    sandboxId: 'sandbox-0',
    podUid: 'uid-1',
    name,
    attempt,
    state: 'running',
    createdAtMs: 0,
    startedAtMs: 0,
    finishedAtMs: 0,
    exitCode: 0,
    reason: '',
    message: '',
    image: 'app:1',
    imageId: 'sha256:1',
    annotations: { [annotationKeys.backOffStreak]: String(streak) },
    logPath: '',
    ...rest,
  };
}

export function ended(
  name: string,
  exitCode: number,
  finishedAtMs: number,
  more: Partial<RuntimeContainer> & { streak?: number } = {},
): RuntimeContainer {
  return runtimeContainer(name, { state: 'exited', exitCode, startedAtMs: finishedAtMs - 100, finishedAtMs, ...more });
}

/** A ready sandbox, ready volumes, images that are there, and nothing else. */
export function observation(more: Partial<ObservedPod> = {}): ObservedPod {
  return {
    sandboxes: [testSandbox()],
    containers: [],
    ips: ['10.0.0.9'],
    volumes: { state: 'ready' },
    sandboxFailure: undefined,
    images: new Map(
      ['app', 'init', 'sidecar', 'other'].map((name) => [name, { state: 'present' as const, id: 'sha256:1' }]),
    ),
    startFailures: new Map(),
    probes: new Map(),
    stopping: new Map(),
    starting: new Set(),
    resources: new Map(),
    resize: {},
    terminationMessages: new Map(),
    ...more,
  };
}
