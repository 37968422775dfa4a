import { describe, expect, test } from 'vitest';
import type { Container, Pod, PodSpec } from '../../generated/types/core-v1.ts';
import type { KubernetesObject } from '../../types.ts';
import { context } from '../testing/harness.ts';
import { hasMovingTag } from './defaults.ts';
import { podDefinition } from './definition.ts';

const { strategy } = podDefinition;

function podOf(spec: Partial<PodSpec> = {}, container: Partial<Container> = {}): KubernetesObject & Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'b' },
    spec: { containers: [{ name: 'main', image: 'nginx:1', ...container }], ...spec },
  };
}

function created(spec: Partial<PodSpec> = {}, container: Partial<Container> = {}): KubernetesObject & Pod {
  const pod = podOf(spec, container);
  strategy.setDefaults?.(pod);
  strategy.prepareForCreate?.(pod, context);
  return pod;
}

function findings(spec: Partial<PodSpec>, container: Partial<Container> = {}): string[] {
  const pod = podOf(spec, container);
  strategy.setDefaults?.(pod);
  return (strategy.validate?.(pod) ?? []).map((error) => `${error.field}: ${error.message}`);
}

describe('defaults', () => {
  test('fill what upstream fills, once and for all', () => {
    const pod = created();
    expect(pod.spec).toMatchObject({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      terminationGracePeriodSeconds: 30,
      enableServiceLinks: true,
      securityContext: {},
    });
    expect(pod.spec?.containers[0]).toMatchObject({
      imagePullPolicy: 'IfNotPresent',
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      resources: {},
    });
    const again = structuredClone(pod);
    strategy.setDefaults?.(again);
    expect(again).toEqual(pod);
  });

  test('a limit without a request is also the request, and volumes without a source are empty directories', () => {
    const pod = created(
      { volumes: [{ name: 'v' }] },
      { resources: { limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '1' } } },
    );
    expect(pod.spec?.containers[0]?.resources?.requests).toEqual({ cpu: '1', memory: '1Gi' });
    expect(pod.spec?.volumes).toEqual([{ name: 'v', emptyDir: {} }]);
  });

  test.each([
    ['nginx', true],
    ['nginx:latest', true],
    ['registry:5000/nginx', true],
    ['registry:5000/nginx:1.2', false],
    ['nginx@sha256:abc', false],
  ])('hasMovingTag(%s) is %s', (image, expected) => {
    expect(hasMovingTag(image)).toBe(expected);
  });
});

describe('create', () => {
  test('a client cannot set status; phase, QoS class and generation are ours', () => {
    const pod = podOf();
    pod.status = { phase: 'Running', podIP: '1.2.3.4' };
    strategy.prepareForCreate?.(pod, context);
    expect(pod.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
    expect(pod.metadata?.generation).toBe(1);
  });

  test.each([
    [{}, 'BestEffort'],
    [{ requests: { cpu: '1' } }, 'Burstable'],
    [{ limits: { cpu: '1' } }, 'Burstable'],
    [{ limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } }, 'Burstable'],
  ])('resources %j are %s', (resources, expected) => {
    expect(created({}, { resources }).status?.qosClass).toBe(expected);
  });

  test('ephemeral containers cannot be there from the start', () => {
    const pod = podOf({ ephemeralContainers: [{ name: 'debug', image: 'x' }] });
    expect(strategy.validateCreate?.(pod).map((error) => error.field)).toEqual(['spec.ephemeralContainers']);
  });
});

describe('validation', () => {
  test('a pod with defaults is right', () => {
    expect(findings({})).toEqual([]);
  });

  const cases: [Partial<PodSpec>, Partial<Container>, string][] = [
    [{ containers: [] }, {}, 'spec.containers: Required value'],
    [{}, { name: '' }, 'spec.containers[0].name: Required value'],
    [{}, { image: '' }, 'spec.containers[0].image: Required value'],
    [
      {},
      { imagePullPolicy: 'Sometimes' },
      'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
    ],
    [
      {},
      { ports: [{ containerPort: 70_000 }] },
      'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [{}, { volumeMounts: [{ name: 'x', mountPath: '/x' }] }, 'spec.containers[0].volumeMounts[0].name: Not found: "x"'],
    [
      {},
      { resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } },
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [{}, { env: [{ name: '' }] }, 'spec.containers[0].env[0].name: Required value'],
    [{}, { livenessProbe: {} }, 'spec.containers[0].livenessProbe: Required value: must specify a handler type'],
    [
      {},
      { livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } },
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ],
    [
      { containers: [{ name: 'a', image: 'x' }], initContainers: [{ name: 'a', image: 'y' }] },
      {},
      'spec.initContainers[0].name: Duplicate value: "a"',
    ],
    [
      { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] },
      {},
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    ],
    [
      { restartPolicy: 'Perhaps' },
      {},
      'spec.restartPolicy: Unsupported value: "Perhaps": supported values: "Always", "Never", "OnFailure"',
    ],
    [
      { tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 3 }] },
      {},
      'spec.tolerations[0].effect: Invalid value: "": effect must be \'NoExecute\' when `tolerationSeconds` is set',
    ],
    [
      { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule' }] },
      {},
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
    ],
  ];
  test.each(cases)('%j %j → %s', (spec, container, expected) => {
    expect(findings(spec, container)).toContain(expected);
  });
});

describe('sysctls', () => {
  const names = (...all: string[]) =>
    findings({ securityContext: { sysctls: all.map((name) => ({ name, value: '1' })) } });
  const at = (index: number) => `spec.securityContext.sysctls[${index}].name`;

  test('names have segments of letters, digits, - and _ joined by dots or slashes', () => {
    expect(names('kernel.shmmax', 'safe-and-unsafe', 'net/ipv4/conf/eth0.100/x_y')).toEqual([]);
    const wrong = names('foo-', 'kernel.shmmax', 'bar..', 'A.b', 'a'.repeat(254));
    expect(wrong.map((text) => text.slice(0, text.indexOf(': must have')))).toEqual([
      `${at(0)}: Invalid value: "foo-"`,
      `${at(2)}: Invalid value: "bar.."`,
      `${at(3)}: Invalid value: "A.b"`,
      `${at(4)}: Invalid value: "${'a'.repeat(254)}"`,
    ]);
  });

  test('names are there, and each once', () => {
    expect(names('a.b', '', 'a.b')).toEqual([`${at(1)}: Required value`, `${at(2)}: Duplicate value: "a.b"`]);
  });
});

describe('update', () => {
  const change = (alter: (pod: Pod) => void) => {
    const old = created({ tolerations: [{ key: 'a', operator: 'Exists' }] });
    const pod = structuredClone(old);
    alter(pod);
    strategy.prepareForUpdate?.(pod, old, context);
    return { pod, fields: (strategy.validateUpdate?.(pod, old) ?? []).map((error) => error.field) };
  };

  test('image, deadline and more tolerations may change, and move the generation', () => {
    const { pod, fields } = change((pod) => {
      pod.spec!.containers[0]!.image = 'nginx:2';
      pod.spec!.activeDeadlineSeconds = 5;
      pod.spec!.tolerations!.push({ key: 'b', operator: 'Exists' });
    });
    expect(fields).toEqual([]);
    expect(pod.metadata?.generation).toBe(2);
  });

  test('anything else may not', () => {
    expect(change((pod) => (pod.spec!.containers[0]!.command = ['x'])).fields).toEqual(['spec']);
    expect(change((pod) => (pod.spec!.nodeName = 'n')).fields).toEqual(['spec']);
    expect(change((pod) => (pod.spec!.tolerations = [])).fields).toEqual(['spec.tolerations']);
    expect(change((pod) => pod.spec!.containers.push({ name: 'b' })).fields).toEqual(['spec.containers']);
  });

  test('status is kept by updates of the pod, and the spec by updates of the status', () => {
    const { pod } = change((pod) => {
      pod.status = { phase: 'Failed' };
    });
    expect(pod.status?.phase).toBe('Pending');
    const old = created();
    const next = structuredClone(old);
    next.status = { phase: 'Running' };
    next.spec!.nodeName = 'elsewhere';
    strategy.prepareForStatusUpdate?.(next, old, context);
    expect(next.spec).toEqual(old.spec);
    expect(next.status).toEqual({ phase: 'Running', qosClass: 'BestEffort' });
  });
});

describe('gracePeriodSeconds()', () => {
  const grace = (spec: Partial<PodSpec>, phase: string, requested?: number) =>
    strategy.gracePeriodSeconds?.({ ...created(spec), status: { phase } }, requested);

  test('is what is asked for, else what the spec says, and nothing for pods that no node runs', () => {
    expect(grace({ nodeName: 'n' }, 'Running')).toBe(30);
    expect(grace({ nodeName: 'n' }, 'Running', 5)).toBe(5);
    expect(grace({ nodeName: 'n', terminationGracePeriodSeconds: 0 }, 'Running')).toBe(0);
    expect(grace({}, 'Pending', 10)).toBe(0);
    expect(grace({ nodeName: 'n' }, 'Succeeded', 10)).toBe(0);
  });
});
