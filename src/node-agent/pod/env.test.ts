import { describe, expect, it } from 'vitest';
import type { Service } from '../../api/generated/types/core-v1.ts';
import { testContainer, testPod } from '../testing/pods.ts';
import { containerEnv, expandReferences, type PodObjects } from './env.ts';
import { envFileValue } from './env-file.ts';
import type { FieldContext } from './fields.ts';
import { serviceEnv } from './service-env.ts';

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

describe('serviceEnv', () => {
  const service = (namespace: string, name: string, clusterIP: string, ports: object[]): Service =>
    ({ metadata: { namespace, name }, spec: { clusterIP, ports } }) as Service;
  const services = [
    service('default', 'kubernetes', '10.1.0.1', [{ name: 'https', port: 443 }]),
    service('default', 'other', '10.1.0.2', [{ port: 1 }]),
    service('ns', 'my-db', 'fd00::5', [
      { name: 'sql-port', port: 5432 },
      { name: 'stats', port: 53, protocol: 'UDP' },
    ]),
    service('ns', 'headless', 'None', [{ port: 1 }]),
  ];

  it('tells of the services of the namespace and of the API', () => {
    const env = Object.fromEntries(serviceEnv(services, 'ns', true));
    expect(env).toEqual({
      KUBERNETES_SERVICE_HOST: '10.1.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://10.1.0.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.1.0.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.1.0.1',
      MY_DB_SERVICE_HOST: 'fd00::5',
      MY_DB_SERVICE_PORT: '5432',
      MY_DB_SERVICE_PORT_SQL_PORT: '5432',
      MY_DB_SERVICE_PORT_STATS: '53',
      MY_DB_PORT: 'tcp://[fd00::5]:5432',
      MY_DB_PORT_5432_TCP: 'tcp://[fd00::5]:5432',
      MY_DB_PORT_5432_TCP_PROTO: 'tcp',
      MY_DB_PORT_5432_TCP_PORT: '5432',
      MY_DB_PORT_5432_TCP_ADDR: 'fd00::5',
      MY_DB_PORT_53_UDP: 'udp://[fd00::5]:53',
      MY_DB_PORT_53_UDP_PROTO: 'udp',
      MY_DB_PORT_53_UDP_PORT: '53',
      MY_DB_PORT_53_UDP_ADDR: 'fd00::5',
    });
  });

  it('tells of the API alone without links', () => {
    expect([...serviceEnv(services, 'ns', false).keys()].every((name) => name.startsWith('KUBERNETES_'))).toBe(true);
    expect(serviceEnv(services, 'ns', false).get('KUBERNETES_SERVICE_HOST')).toBe('10.1.0.1');
  });

  it('is used by references, replaced by what the container sets itself, and waited for', () => {
    const container = testContainer('app', {
      env: [
        { name: 'URL', value: 'https://$(KUBERNETES_SERVICE_HOST)' },
        { name: 'KUBERNETES_SERVICE_PORT', value: 'mine' },
      ],
    });
    const known = containerEnv(container, context(), { ...objects, services: () => services });
    const env = Object.fromEntries(known.map(({ name, value }) => [name, value]));
    expect(env).toMatchObject({ URL: 'https://10.1.0.1', KUBERNETES_SERVICE_PORT: 'mine' });
    const unknown = () => containerEnv(container, context(), { ...objects, services: () => undefined });
    expect(unknown).toThrow('services have not yet been read');
  });
});

describe('envFileValue', () => {
  const text = "# comment\n\n  A='1' # one\nB='two\nlines'\nC= 'none'\nD='x'\n";

  it('reads quoted values as they are', () => {
    expect(['A', 'B', 'C', 'D', 'E'].map((key) => envFileValue(text, key))).toEqual([
      '1',
      'two\nlines',
      undefined,
      'x',
      undefined,
    ]);
  });

  it.each(['A', "A ='1'", "='1'", 'A=1', "A='1", "A='1' x"])('refuses %j', (line) => {
    expect(() => envFileValue(line, 'A')).toThrow('line 1');
  });

  it('gives a container its variable', () => {
    const fileKeyRef = { volumeName: 'v', path: 'vars', key: 'A' };
    const container = testContainer('app', { env: [{ name: 'X', valueFrom: { fileKeyRef } }] });
    const read = (content: string | undefined) =>
      containerEnv(container, context(), { ...objects, envFile: () => content });
    expect(read("A='1'")).toEqual([{ name: 'X', value: '1' }]);
    expect(() => read("B='1'")).toThrow('key "A" not found');
    expect(() => read(undefined)).toThrow('couldn\'t open env file "vars"');
  });
});
