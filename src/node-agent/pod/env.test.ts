import { describe, expect, it } from 'vitest';
import { testContainer, testPod } from '../testing/pods.ts';
import { containerEnv, expandReferences, type PodObjects } from './env.ts';
import type { FieldContext } from './fields.ts';

const objects: PodObjects = {
  configMap: (name) => (name === 'config' ? { data: { a: '1', 'b.c': '2' } } : undefined),
  secret: (name) => (name === 'secret' ? { data: { password: Buffer.from('hush').toString('base64') } } : undefined),
};

function context(pod = testPod()): FieldContext {
  const allocatable = { cpu: '2', memory: '1024Ki', ephemeralStorage: '1Ki' };
  return { pod, podIps: ['10.0.0.9'], hostIp: '192.0.2.1', nodeName: 'node-1', allocatable };
}

function env(container: Parameters<typeof testContainer>[1], pod = testPod()): Record<string, string> {
  const entries = containerEnv(testContainer('app', container), context(pod), objects);
  return Object.fromEntries(entries.map(({ name, value }) => [name, value]));
}

describe('containerEnv', () => {
  it('takes envFrom first, with prefix, and lets env replace it', () => {
    const result = env({
      envFrom: [{ configMapRef: { name: 'config' } }, { prefix: 'S_', secretRef: { name: 'secret' } }],
      env: [{ name: 'a', value: 'own' }],
    });
    expect(result).toEqual({ a: 'own', 'b.c': '2', S_password: 'hush' });
  });

  it('reads keys of ConfigMaps and Secrets', () => {
    const result = env({
      env: [
        { name: 'A', valueFrom: { configMapKeyRef: { name: 'config', key: 'a' } } },
        { name: 'P', valueFrom: { secretKeyRef: { name: 'secret', key: 'password' } } },
        { name: 'NONE', valueFrom: { secretKeyRef: { name: 'nope', key: 'x', optional: true } } },
      ],
    });
    expect(result).toEqual({ A: '1', P: 'hush' });
  });

  it.each([
    [
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'nope', key: 'a' } } }] },
      'configmap "nope" not found',
    ],
    [
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'secret', key: 'x' } } }] },
      "couldn't find key x in secret secret",
    ],
    [{ envFrom: [{ secretRef: { name: 'nope' } }] }, 'secret "nope" not found'],
  ])('names what is missing: %j', (container, message) => {
    expect(() => env(container)).toThrow(message);
  });

  it('gives fields of the pod and its resources', () => {
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    const resources = { limits: { cpu: '1500m' }, requests: { memory: '10Mi' } };
    const pod = testPod({ containers: [testContainer('app', { resources })] }, { labels: { tier: 'x' } });
    const resource = (name: string, what: string, divisor?: string) => ({
      name,
      valueFrom: { resourceFieldRef: { resource: what, ...(divisor !== undefined && { divisor }) } },
    });
    const result = env(
      {
        env: [
          field('NAME', 'metadata.name'),
          field('IP', 'status.podIP'),
          field('NODE', 'spec.nodeName'),
          field('TIER', "metadata.labels['tier']"),
          resource('CPU', 'limits.cpu'),
          resource('MILLI', 'limits.cpu', '1m'),
          resource('MEM', 'requests.memory', '1Mi'),
          resource('MEMLIMIT', 'limits.memory'),
        ],
      },
      pod,
    );
    expect(result).toEqual({
      NAME: 'web',
      IP: '10.0.0.9',
      NODE: 'node-1',
      TIER: 'x',
      CPU: '2',
      MILLI: '1500',
      MEM: '10',
      MEMLIMIT: '1048576',
    });
  });
});

describe('expandReferences', () => {
  it.each([
    ['$(A)-$(B)', '1-$(B)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$A $', '$A $'],
    ['$(A', '$(A'],
  ])('%s becomes %s', (text, expected) => {
    expect(expandReferences(text, new Map([['A', '1']]))).toBe(expected);
  });
});
