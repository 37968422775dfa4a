import { expect, test } from 'vitest';
import { shimId } from './orphan-shims.ts';

const shim = (socket: string, namespace = 'k8s.io') =>
  ['/usr/bin/containerd-shim-runc-v2', '-namespace', namespace, '-id', 'abc', '-address', socket, ''] as const;

test('shims are those of this containerd and of pods only', () => {
  expect(shimId(shim('/run/a.sock'), '/run/a.sock')).toBe('abc');
  expect(shimId(shim('/run/b.sock'), '/run/a.sock')).toBeUndefined();
  expect(shimId(shim('/run/a.sock', 'moby'), '/run/a.sock')).toBeUndefined();
  expect(shimId(['vim', '-id', 'abc', '-address', '/run/a.sock'], '/run/a.sock')).toBeUndefined();
  expect(shimId([], '/run/a.sock')).toBeUndefined();
});
